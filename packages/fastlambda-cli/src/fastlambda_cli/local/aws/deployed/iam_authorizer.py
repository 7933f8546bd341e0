"""Authorization by IAM: a request has to be signed by somebody of the account."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.aws.signatures.asked import Asked
from fastlambda_cli.local.aws.signatures.claim import Claim, claim_of
from fastlambda_cli.local.aws.signatures.faults import MISMATCH, MISSING, RefusedRequest
from fastlambda_cli.local.aws.signatures.keyring import Holder, Keyring
from fastlambda_cli.local.aws.signatures.recomputed import is_signed
from fastlambda_cli.local.http.authorizing import Authorized, Refused
from fastlambda_cli.local.http.kinds import Kind
from fastlambda_cli.local.http.request import HttpRequest
from fastlambda_cli.local.http.response import Answer

_REGION = "us-east-1"


class IamAuthorizer:
    """Lets requests pass whose Signature Version 4 is right, in a header or in the query string: an `Authorize`.

    The body is always part of what is signed, whatever `x-amz-content-sha256` says: "Lambda doesn't support unsigned
    payloads" (Amazon CloudFront Developer Guide, "Restrict access to an AWS Lambda function URL origin").

    Args:
        keyring: Whose keys are good.
        service: The signing name that requests have to be signed for.
        kind: What is in front of the function.
        forbidden: Makes the answer to others.
        now: The time.

    """

    def __init__(
        self,
        keyring: Keyring,
        service: str,
        kind: Kind,
        forbidden: Callable[[RefusedRequest], Answer],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._keyring = keyring
        self._service = service
        self._kind = kind
        self._forbidden = forbidden
        self._now = now

    async def __call__(self, request: HttpRequest, _: str) -> Authorized | Refused:
        """Decide about a request, or leave the last word until its body is there."""
        asked = Asked.of_head(request.method, request.target, request.path, request.query, request.headers)
        try:
            claim = self._claim(asked)
            holder = await self._keyring.holder(claim.access_key_id, claim.token)
            claim.check_time(self._now())
        except RefusedRequest as refused:
            return self._refused(refused)
        except EmulatorError as problem:
            why = problem.in_one_line()
            return Refused(self._kind.own(503, "Service Unavailable", error=why), why)

        def check_body(body: bytes) -> Refused | None:
            right = is_signed(asked, claim, holder.keys, hashlib.sha256(body).hexdigest())
            return None if right else self._refused(RefusedRequest(MISMATCH))

        if asked.has_body:
            return Authorized({"iam": _caller(holder)}, check_body=check_body)
        return check_body(b"") or Authorized({"iam": _caller(holder)})

    def _claim(self, asked: Asked) -> Claim:
        if asked.header("authorization") is None and asked.parameter("X-Amz-Algorithm") is None:
            raise RefusedRequest(MISSING)
        claim = claim_of(asked)
        if claim.service != self._service:
            raise RefusedRequest(MISMATCH, f"Credential should be scoped to correct service: '{self._service}'.")
        if claim.region != _REGION:
            raise RefusedRequest(MISMATCH, f"Credential should be scoped to a valid region, not '{claim.region}'.")
        claim.check_headers(asked)
        return claim

    def _refused(self, refused: RefusedRequest) -> Refused:
        return Refused(self._forbidden(refused), refused.message)


def _caller(holder: Holder) -> dict[str, str | None]:
    """What the event says of who signed (Lambda Developer Guide, "Invoking Lambda function URLs")."""
    return {
        "accessKey": holder.keys.access_key_id,
        "accountId": holder.arn.split(":")[4],  # a role of another account says so
        "callerId": holder.principal_id,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": holder.arn,
        "userId": holder.principal_id,
    }
