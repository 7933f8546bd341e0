"""What the emulator signs with its own key: its calls of the front door, and the URLs of deployment packages."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from ministack.core import sigv4  # type: ignore[import-not-found,unused-ignore]
from ministack.core.iam_evaluator import (  # type: ignore[import-not-found,unused-ignore]
    AmbiguousAccessKeyError,
    CredentialResolutionError,
    find_iam_access_key_account,
    is_root_access_key,
    resolve_credential,
)
from ministack.core.responses import _account_from_sts_session  # type: ignore[import-not-found,unused-ignore]
from ministack.services import lambda_svc  # type: ignore[import-not-found,unused-ignore]

_ALGORITHM = "AWS4-HMAC-SHA256"
_REGION = "us-east-1"
_URL_GOOD_FOR_S = 600
"""AWS Lambda API Reference, "FunctionCodeLocation": a presigned URL; it is good for ten minutes."""


@dataclass(frozen=True)
class Key:
    """An access key, from the environment that the engine gave."""

    access_key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)

    @classmethod
    def of_emulator(cls) -> Key:
        """Take the emulator's own, and leave nothing of it in the environment."""
        names = ("FASTLAMBDA_ACCESS_KEY_ID", "FASTLAMBDA_SECRET_ACCESS_KEY", "FASTLAMBDA_SESSION_TOKEN")
        return cls(*(os.environ.pop(name) for name in names))

    def headers(
        self, method: str, path: str, host: str, headers: Mapping[str, str], body: bytes, service: str
    ) -> dict[str, str]:
        """The headers of a request without a query string, with its signature; `path` is as it is sent."""
        stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        signed = {**headers, "host": host, "x-amz-date": stamp, "x-amz-security-token": self.token}
        names = ";".join(sorted(signed))
        payload = hashlib.sha256(body).hexdigest()
        canonical = sigv4.build_canonical_request(method, path, signed, {}, names, payload_hash=payload)
        credential, signature = self._signed(stamp, service, canonical)
        authorization = f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
        return {**signed, "authorization": authorization}

    def presigned(self, url: str) -> str:
        """A URL that anybody can get something from, for ten minutes."""
        stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        parts = urlsplit(url)
        query = {
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{self.access_key_id}/{stamp[:8]}/{_REGION}/s3/aws4_request",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(_URL_GOOD_FOR_S),
            "X-Amz-Security-Token": self.token,
            "X-Amz-SignedHeaders": "host",
        }
        canonical = sigv4.build_canonical_request("GET", parts.path, {"host": parts.netloc}, query, "host")
        _, signature = self._signed(stamp, "s3", canonical)
        written = urlencode({**query, "X-Amz-Signature": signature}, quote_via=quote)
        return parts._replace(query=written).geturl()

    def _signed(self, stamp: str, service: str, canonical: str) -> tuple[str, str]:
        date = stamp[:8]
        to_sign = sigv4.build_string_to_sign(stamp, date, _REGION, service, canonical)
        signature = sigv4.calculate_signature(self.secret, date, _REGION, service, to_sign)
        return f"{self.access_key_id}/{date}/{_REGION}/{service}/aws4_request", signature


def presign_code(key: Key) -> None:
    """Have GetFunction hand out a URL that is good, where ministack's only looks like one."""
    location = lambda_svc._presigned_code_url  # noqa: SLF001

    def presigned(name: str) -> str:
        return key.presigned(location(name).partition("?")[0])

    lambda_svc._presigned_code_url = presigned  # noqa: SLF001


def given_out(access_key_id: str) -> tuple[int, Mapping[str, Any]]:
    """The secret, the token and the holder of a key of IAM or STS, with 200; 410 when it is over, 404 without one."""
    if is_root_access_key(access_key_id):  # ministack takes any secret for these
        return 404, {}
    try:
        account = _account_from_sts_session(access_key_id) or find_iam_access_key_account(access_key_id)
    except AmbiguousAccessKeyError:
        return 404, {}
    found = resolve_credential(access_key_id, account)
    if isinstance(found, CredentialResolutionError):
        return 410 if found.code == "ExpiredTokenException" else 404, {}
    holder = {"arn": found.principal_arn, "principal_id": found.principal_id}
    return 200, {"secret": found.secret_access_key, "token": found.session_token, **holder}
