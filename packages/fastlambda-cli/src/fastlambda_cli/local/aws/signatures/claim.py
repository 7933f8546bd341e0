"""What a request says of its signature: IAM User Guide, "Elements of an AWS API request signature"."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from fastlambda_cli.local.aws.signatures.asked import Asked
from fastlambda_cli.local.aws.signatures.faults import (
    FOR_TOO_LONG,
    INCOMPLETE,
    MISSING,
    NOT_SUPPORTED,
    OUT_OF_TIME,
    UNSIGNED_HEADERS,
    URL_EXPIRED,
    RefusedRequest,
)

_ALGORITHM = "AWS4-HMAC-SHA256"
_SIGV4 = re.compile(
    rf"{_ALGORITHM} +Credential=(?P<credential>[^\s,]+), *SignedHeaders=(?P<headers>[^\s,]+), *"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
_CREDENTIAL = re.compile(r"(?P<id>[^/]+)/(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
_STAMP = "%Y%m%dT%H%M%SZ"
_STAMPED = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_S3 = frozenset({"s3", "s3express", "s3-object-lambda", "s3-outposts"})
SKEW = timedelta(minutes=5)
_SKEW_OF_S3 = timedelta(minutes=15)
"""IAM User Guide, "Signature Version 4"; Amazon S3 answers `MaxAllowedSkewMilliseconds` 900000."""
_LONGEST = 7 * 24 * 3600
NOT_SIGNED_BY_ALL = frozenset({"x-amz-content-sha256", "x-amz-user-agent"})
"""The hash is part of what is signed anyway; of the other nothing depends, and not every SDK signs it."""


class Claim(NamedTuple):
    """A signature, and what it says that it was made of.

    Attributes:
        access_key_id: The key's.
        region: The Region in the credential's scope.
        service: The service in it, by its signing name.
        timestamp: When it was made, such as 20261128T120000Z.
        signed_headers: The headers that it covers, by their names in lower case.
        signature: In hexadecimal digits.
        token: The session token that goes with the key.
        expires: How many seconds a presigned URL is good for; None where the signature is in a header.

    """

    access_key_id: str
    region: str
    service: str
    timestamp: str
    signed_headers: frozenset[str]
    signature: str
    token: str | None
    expires: int | None

    @property
    def of_s3(self) -> bool:
        """Whether Amazon S3's rules hold: paths are signed as they are, and the body of a presigned URL is not."""
        return self.service in _S3

    def check_headers(self, asked: Asked) -> None:
        """Check that what decides about a request is signed (IAM User Guide, "Create a signed AWS API request").

        Raises:
            RefusedRequest: It is not.

        """
        present = {name for name, _ in asked.headers if name.startswith("x-amz-")} - NOT_SIGNED_BY_ALL
        if loose := sorted(({"host"} | present) - self.signed_headers):
            raise RefusedRequest(UNSIGNED_HEADERS, f"Headers of the request are not signed: {', '.join(loose)}")

    def check_time(self, now: datetime) -> None:
        """Check that it is neither of the past nor of the future.

        Raises:
            RefusedRequest: It is.

        """
        made = datetime.fromisoformat(self.timestamp)
        skew = _SKEW_OF_S3 if self.of_s3 else SKEW
        if made > now + skew:
            latest = f"{now + skew:{_STAMP}} ({now:{_STAMP}} + {skew.seconds // 60} min.)"
            raise RefusedRequest(
                OUT_OF_TIME, f"Signature not yet current: {self.timestamp} is still later than {latest}"
            )
        if self.expires is not None:
            ended = made + timedelta(seconds=self.expires)
            if now > ended:
                raise RefusedRequest(
                    URL_EXPIRED, f"Signature expired: {ended:{_STAMP}} is now earlier than {now:{_STAMP}}"
                )
        elif made < now - skew:
            earliest = f"{now - skew:{_STAMP}} ({now:{_STAMP}} - {skew.seconds // 60} min.)"
            raise RefusedRequest(OUT_OF_TIME, f"Signature expired: {self.timestamp} is now earlier than {earliest}")


class Credential(NamedTuple):
    """What an Authorization header consists of."""

    id: str
    date: str
    region: str
    service: str
    headers: frozenset[str]
    signature: str


def credential_of(authorization: str) -> Credential | None:
    """Read an Authorization header of version 4; None where it lacks something, or has more."""
    found = _SIGV4.fullmatch(authorization)
    scope = _CREDENTIAL.fullmatch(found["credential"]) if found else None
    if found is None or scope is None:
        return None
    names = frozenset(found["headers"].split(";"))
    return Credential(scope["id"], scope["date"], scope["region"], scope["service"], names, found["signature"])


def claim_of(asked: Asked) -> Claim:
    """Read a request's signature, in its headers or its query string.

    Raises:
        RefusedRequest: It has none, one of another kind, or one that lacks something.

    """
    authorization = asked.header("authorization")
    if authorization is not None:
        return _in_header(authorization, asked)
    if asked.parameter("X-Amz-Algorithm") is not None:
        return _in_query(asked)
    if (asked.header("content-type") or "").startswith("multipart/form-data"):
        raise RefusedRequest(
            NOT_SUPPORTED, "The local AWS takes no forms that are posted to S3 with a signed policy: presign a PUT."
        )
    raise RefusedRequest(MISSING)


def _in_header(authorization: str, asked: Asked) -> Claim:
    if not authorization.startswith(f"{_ALGORITHM} "):
        kind = authorization.partition(" ")[0]
        raise RefusedRequest(NOT_SUPPORTED, f"The local AWS checks signatures of {_ALGORITHM} and not of {kind}.")
    found = credential_of(authorization.strip())
    if found is None:
        raise RefusedRequest(
            INCOMPLETE, "The Authorization header needs Credential, SignedHeaders and Signature, and nothing else."
        )
    return Claim(
        found.id,
        found.region,
        found.service,
        _stamp(asked.header("x-amz-date") or _from_date(asked.header("date")), found.date),
        found.headers,
        found.signature,
        asked.header("x-amz-security-token"),
        None,
    )


def _in_query(asked: Asked) -> Claim:
    parameters = dict(asked.query)
    if parameters["X-Amz-Algorithm"] != _ALGORITHM:
        kind = parameters["X-Amz-Algorithm"]
        raise RefusedRequest(NOT_SUPPORTED, f"The local AWS checks signatures of {_ALGORITHM} and not of {kind}.")
    scope = _CREDENTIAL.fullmatch(parameters.get("X-Amz-Credential", ""))
    signed, signature = parameters.get("X-Amz-SignedHeaders"), parameters.get("X-Amz-Signature")
    expires = parameters.get("X-Amz-Expires", "")
    if scope is None or not signed or not signature or not expires.isdecimal():
        raise RefusedRequest(
            INCOMPLETE,
            "The query string needs X-Amz-Credential, X-Amz-Date, X-Amz-Expires, X-Amz-SignedHeaders and "
            "X-Amz-Signature.",
        )
    if int(expires) > _LONGEST:
        raise RefusedRequest(FOR_TOO_LONG)
    return Claim(
        scope["id"],
        scope["region"],
        scope["service"],
        _stamp(parameters.get("X-Amz-Date", ""), scope["date"]),
        frozenset(signed.split(";")),
        signature,
        parameters.get("X-Amz-Security-Token"),
        int(expires),
    )


def _stamp(stamp: str, date: str) -> str:
    try:
        good = _STAMPED.fullmatch(stamp) is not None and bool(datetime.fromisoformat(stamp))
    except ValueError:
        good = False
    if not good:
        raise RefusedRequest(INCOMPLETE, "The request needs an X-Amz-Date such as 20261128T120000Z.")
    if not stamp.startswith(date):
        raise RefusedRequest(INCOMPLETE, "The date in Credential is not that of X-Amz-Date.")
    return stamp


def _from_date(date: str | None) -> str:
    """The time of a Date header, which may stand for X-Amz-Date."""
    try:
        return parsedate_to_datetime(date or "").astimezone(UTC).strftime(_STAMP)
    except ValueError:
        return ""
