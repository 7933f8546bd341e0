"""Authorization by IAM: a request has to be signed by somebody who may do it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.aws.permissions import DeniedError, Permissions
from fastlambda_cli.local.aws.signatures.asked import Asked
from fastlambda_cli.local.aws.signatures.claim import Claim, claim_of
from fastlambda_cli.local.aws.signatures.faults import MISMATCH, MISSING, RefusedRequest
from fastlambda_cli.local.aws.signatures.keyring import Holder, Keyring
from fastlambda_cli.local.aws.signatures.recomputed import is_signed
from fastlambda_cli.local.http.authorizing import Authorize, Authorized, Refused
from fastlambda_cli.local.http.kinds import Kind
from fastlambda_cli.local.http.request import HttpRequest
from fastlambda_cli.local.http.response import Answer

_REGION = "us-east-1"


class Need(NamedTuple):
    """A permission that a request takes; `context` is what its conditions may ask."""

    action: str
    resource: str
    context: Mapping[str, str]


class IamAuthorizer:
    """Lets requests pass whose Signature Version 4 is right, in a header or in the query string, and whose sender may.

    The body is always part of what is signed, whatever `x-amz-content-sha256` says: "Lambda doesn't support unsigned
    payloads" (Amazon CloudFront Developer Guide, "Restrict access to an AWS Lambda function URL origin").

    Args:
        keyring: Whose keys are good.
        permissions: Who may do what.
        service: The signing name that requests have to be signed for.
        kind: What is in front of the function.
        forbidden: Makes the answer to those who have not signed rightly.
        denied: Makes the answer to those who may not, of what AWS would tell them elsewhere.
        now: The time.

    """

    def __init__(
        self,
        keyring: Keyring,
        permissions: Permissions,
        service: str,
        kind: Kind,
        forbidden: Callable[[RefusedRequest], Answer],
        denied: Callable[[str], Answer],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._keyring = keyring
        self._permissions = permissions
        self._service = service
        self._kind = kind
        self._forbidden = forbidden
        self._denied = denied
        self._now = now

    def asking(self, needs: Callable[[HttpRequest], Sequence[Need]]) -> Authorize:
        """Decide about the requests that take these permissions."""

        async def authorize(request: HttpRequest, _: str) -> Authorized | Refused:
            return await self._decide(request, needs(request))

        return authorize

    async def _decide(self, request: HttpRequest, needs: Sequence[Need]) -> Authorized | Refused:
        """Decide about a request, or leave the last word until its body is there."""
        asked = Asked.of_head(request.method, request.target, request.path, request.query, request.headers)
        try:
            claim = self._claim(asked)
            holder = await self._keyring.holder(claim.access_key_id, claim.token)
            claim.check_time(self._now())
            for need in () if holder.is_root else needs:
                await self._permissions.check_holder(holder, *need)
        except RefusedRequest as refused:
            return self._refused(refused)
        except DeniedError as problem:
            return Refused(self._denied(str(problem)), str(problem))
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
