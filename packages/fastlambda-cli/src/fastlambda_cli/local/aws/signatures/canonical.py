"""Signatures of version 4 of the requests that most are, each computed within every request's time.

Every request to the local AWS pays for the check, and botocore's signer takes three times as long. A path that botocore
would rewrite, and whatever is for Amazon S3, is left to botocore; the tests hold the rest against it.

IAM User Guide, "Create a signed AWS API request".
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from urllib.parse import quote

from fastlambda_cli.local.aws.signatures.asked import Asked
from fastlambda_cli.local.aws.signatures.claim import Claim

_PLAIN_PATH = re.compile(r"/|(?:/[A-Za-z0-9_~%-][A-Za-z0-9_.~%-]*)+/?", re.ASCII)
"""Neither an empty segment nor one that begins with a dot, and of what is to be escaped the escapes alone."""
_MOST_KEYS = 256


def signature(
    asked: Asked, claim: Claim, headers: Mapping[str, Sequence[str]], secret: str, payload_hash: str
) -> str | None:
    """The signature that a secret makes of a request.

    Args:
        asked: The request.
        claim: What its own signature says that it was made of.
        headers: The values of the headers that are signed.
        secret: The secret access key.
        payload_hash: The SHA-256 of its body in hexadecimal digits, or what stands for it.

    Returns:
        Hexadecimal digits; None for a request of a kind that is left to botocore.

    """
    if claim.of_s3 or not is_plain_path(asked.path):
        return None
    names = sorted(headers)
    lines = [f"{name}:{','.join([' '.join(value.split()) for value in headers[name]])}" for name in names]
    path = asked.path.replace("%", "%25")  # only S3's is not escaped once more
    query = _query(asked) if asked.query else ""
    canonical = "\n".join((asked.method.upper(), path, query, *lines, "", ";".join(names), payload_hash))
    return signed(canonical.encode(), claim.timestamp, secret, claim.timestamp[:8], claim.region, claim.service)


def is_plain_path(path: str) -> bool:
    """Whether a path is signed as it was written, but for a second escape."""
    return _PLAIN_PATH.fullmatch(path) is not None


def signed(canonical: bytes, timestamp: str, secret: str, date: str, region: str, service: str) -> str:
    """The signature of a canonical request, in hexadecimal digits.

    Args:
        canonical: The request.
        timestamp: When it was made, such as 20261128T120000Z.
        secret: The secret access key.
        date: The first of its scope.
        region: The second.
        service: The third.

    """
    hashed = hashlib.sha256(canonical).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{timestamp}\n{date}/{region}/{service}/aws4_request\n{hashed}"
    return hmac.digest(_key(secret, date, region, service), to_sign.encode(), "sha256").hex()


def _query(asked: Asked) -> str:
    escaped = [
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in asked.query
        if name != "X-Amz-Signature"
    ]
    return "&".join([f"{name}={value}" for name, value in sorted(escaped)])


@lru_cache(maxsize=_MOST_KEYS)
def _key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key of a day, a Region and a service: four hashes, the same for every request with them."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
