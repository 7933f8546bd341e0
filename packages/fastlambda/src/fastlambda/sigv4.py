"""Signature Version 4 for one JSON request, as "Create a signed AWS API request" (IAM User Guide) lays it down.

botocore's signer is the reference, and the tests hold this one to it byte for byte. It is not used here because
importing `botocore.auth` (with urllib3, dateutil and six) costs a tenth of a whole INIT.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fastlambda.frozen import Frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

_ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials(Frozen):
    """The keys of the function's role. Only the access key id may be seen."""

    access_key: str
    secret_key: str
    token: str | None = None

    @classmethod
    def from_environment(cls) -> Credentials:
        """Read what Lambda put into the environment; raises KeyError for a missing key."""
        return cls(
            access_key=os.environ["AWS_ACCESS_KEY_ID"],
            secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
            token=os.environ.get("AWS_SESSION_TOKEN") or None,
        )

    def __repr__(self) -> str:
        return f"Credentials(access_key={self.access_key!r})"


def sign(  # each of these is part of what is signed
    credentials: Credentials,
    *,
    service: str,
    region: str,
    host: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime | None = None,
) -> dict[str, str]:
    """Return the headers of a POST without a query string, the signature among them.

    Args:
        credentials: Whose signature it is.
        service: The service's name in the credential scope, such as "secretsmanager".
        region: The region in the credential scope.
        host: The Host header: with its port where that is not the scheme's own.
        path: The absolute path, only of characters that need no escape.
        headers: What is signed besides host and date, by lower-case name.
        body: The request's body.
        now: The moment of signing; AWS accepts five minutes of difference.

    """
    timestamp = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    signed = {**headers, "host": host, "x-amz-date": timestamp}
    if credentials.token:
        signed["x-amz-security-token"] = credentials.token
    names = ";".join(sorted(signed))
    canonical = "\n".join(
        (
            "POST",
            path,
            "",
            *(f"{name}:{' '.join(signed[name].split())}" for name in sorted(signed)),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        )
    )
    scope = f"{timestamp[:8]}/{region}/{service}/aws4_request"
    to_sign = "\n".join((_ALGORITHM, timestamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    authorization = (
        f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return {**signed, "authorization": authorization}
