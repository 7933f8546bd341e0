"""Whether a request's signature is the one that the key which it names would make of it."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, unquote, urlsplit

from botocore.auth import HmacV1QueryAuth, S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.local.aws.signatures.asked import Asked, Pairs
from fastlambda_cli.local.aws.signatures.canonical import signature
from fastlambda_cli.local.aws.signatures.claim import Claim

_OF_SIGV2 = frozenset({"AWSAccessKeyId", "Signature", "Expires"})
_BUCKET = re.compile(r"(?P<bucket>.+?)(\.s3([.-][a-z0-9-]+)?)?\.localhost(:\d+)?", re.IGNORECASE)


class _AsClaimed:
    """Signs the headers that the claim names, and no others; whatever is in the body is known by its hash."""

    def __init__(self, keys: Keys, claim: Claim, payload_hash: str, headers: HTTPHeaders) -> None:
        credentials = Credentials(keys.access_key_id, keys.secret_access_key)
        super().__init__(credentials, claim.service, claim.region)  # type: ignore[call-arg]
        self._payload_hash = payload_hash
        self._signed = headers

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:  # noqa: ARG002 - botocore's signature
        return self._signed

    def payload(self, request: AWSRequest) -> str:  # noqa: ARG002 - botocore's signature
        return self._payload_hash


class _Signer(_AsClaimed, SigV4Auth):
    pass


class _S3Signer(_AsClaimed, S3SigV4Auth):
    pass


def is_signed(asked: Asked, claim: Claim, keys: Keys, payload_hash: str) -> bool:
    """Whether a request's signature is the one that its key makes.

    Args:
        asked: The request.
        claim: Its signature.
        keys: The key that it names.
        payload_hash: The SHA-256 of its body in hexadecimal digits, or what stands for it.

    """
    headers: dict[str, list[str]] = {}
    for name, value in asked.headers:
        if name in claim.signed_headers:
            headers.setdefault(name, []).append(value)
    if headers.keys() != claim.signed_headers or not asked.query_is_text:
        return False
    wanted = signature(asked, claim, headers, keys.secret_access_key, payload_hash)
    if wanted is None:
        wanted = by_botocore(asked, claim, headers, keys, payload_hash)
    return hmac.compare_digest(wanted, claim.signature.encode("ascii", "replace").decode())


def by_botocore(asked: Asked, claim: Claim, headers: Mapping[str, Sequence[str]], keys: Keys, payload_hash: str) -> str:
    """The signature that botocore's own signer would make; the parameters are those of `canonical.signature`."""
    signed = HTTPHeaders()
    for name, values in headers.items():
        for value in values:
            signed[name] = value
    query = [pair for pair in asked.query if pair[0] != "X-Amz-Signature"]
    request = AWSRequest(method=asked.method, url=f"http://{asked.header('host')}{asked.path}", params=query)  # type: ignore[arg-type]
    request.context["timestamp"] = claim.timestamp
    signer = (_S3Signer if claim.of_s3 else _Signer)(keys, claim, payload_hash, signed)
    return signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)


class _UntilClaimed(HmacV1QueryAuth):
    """Signs the time of expiry that a URL has."""

    def _get_date(self) -> str:
        return str(self._expires)  # type: ignore[attr-defined]


def is_signed_by_version_2(asked: Asked, keys: Keys) -> bool:
    """Whether a presigned URL of Amazon S3 has the signature of version 2 that its key makes.

    boto3 still presigns so in us-east-1 unless it is told otherwise (Amazon S3 User Guide, "Authenticating requests
    using the REST API", "Query string request authentication alternative").

    Args:
        asked: The request.
        keys: The key that it names.

    """
    headers = HTTPHeaders()
    moved = [(name.lower(), value) for name, value in asked.query if _was_header(name)]
    of_headers: Pairs = [pair for pair in asked.headers if _was_header(pair[0]) and pair[0] not in dict(moved)]
    for name, value in [*moved, *of_headers]:
        headers[name] = value
    query = [(name, value) for name, value in asked.query if name not in _OF_SIGV2 and not _was_header(name)]
    written = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" if value else name for name, value in query)
    credentials = Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token)
    signer = _UntilClaimed(credentials, asked.parameter("Expires"))  # type: ignore[arg-type]
    split = urlsplit(f"http://localhost{asked.path}?{written}")
    given = (asked.parameter("Signature") or "").encode("ascii", "replace").decode()
    paths = [asked.path]
    if found := _BUCKET.fullmatch(asked.header("host") or ""):
        paths.append(f"/{unquote(found['bucket'])}{asked.path}")
    fitting = [
        hmac.compare_digest(signer.get_signature(asked.method, split, headers, auth_path=path), given)  # type: ignore[arg-type]
        for path in paths
    ]
    return any(fitting)


def _was_header(name: str) -> bool:
    name = name.lower()
    return name.startswith("x-amz-") or name in {"content-md5", "content-type"}
