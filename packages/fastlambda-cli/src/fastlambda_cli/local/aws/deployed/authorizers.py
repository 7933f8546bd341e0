"""The authorizers of deployed HTTP APIs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastlambda_cli.local.aws.deployed.iam_authorizer import IamAuthorizer, Need
from fastlambda_cli.local.aws.deployed.invoking import invoking
from fastlambda_cli.local.aws.deployed.permissions import authorizer_arn, gateway_may_invoke
from fastlambda_cli.local.aws.deployed.state import DeployedState
from fastlambda_cli.local.aws.deployed.uris import function_of
from fastlambda_cli.local.aws.functions import Functions
from fastlambda_cli.local.aws.permissions import Permissions
from fastlambda_cli.local.aws.signatures.faults import RefusedRequest
from fastlambda_cli.local.aws.signatures.keyring import Keyring
from fastlambda_cli.local.http.authorizing import Authorize, Refused
from fastlambda_cli.local.http.issuers import Issuers
from fastlambda_cli.local.http.jwt_authorizer import AUTHORIZATION, JwtAuthorizer
from fastlambda_cli.local.http.kinds import HTTP_API
from fastlambda_cli.local.http.lambda_authorizer import LambdaAuthorizer, Verdicts
from fastlambda_cli.local.http.payload import DEFAULT_STAGE, Gateway, Match
from fastlambda_cli.local.http.request import HttpRequest
from fastlambda_cli.local.http.response import Answer, message


class UnservedError(Exception):
    """What an API has and the local AWS has not; the text goes on after the name of the route."""


class Authorizers:
    """Finds who decides about a route's requests.

    Args:
        state: What the emulator knows.
        functions: What can be invoked.
        issuers: Who issues tokens.
        keyring: Whose keys requests are signed with.
        permissions: Who may do what.

    """

    def __init__(
        self,
        state: DeployedState,
        functions: Functions,
        issuers: Issuers,
        keyring: Keyring,
        permissions: Permissions,
    ) -> None:
        self._state = state
        self._functions = functions
        self._issuers = issuers
        self._verdicts = Verdicts()
        self._iam = IamAuthorizer(keyring, permissions, "execute-api", HTTP_API, _forbidden, _denied)

    async def of(self, route: Mapping[str, Any], gateway: Gateway, match: Match) -> Authorize | None:
        """Find the authorizer of a route; None when everybody may pass.

        Raises:
            UnservedError: There is none like it here.
            EmulatorError: The emulator does not answer.

        """
        kind = route.get("authorizationType") or "NONE"
        if kind == "NONE":
            return None
        if kind == "AWS_IAM":
            return self._iam.asking(lambda request: [_need(request, gateway)])
        authorizer = (await self._state.authorizers(gateway.api_id)).get(route.get("authorizerId", ""))
        if authorizer is None:
            raise UnservedError("has an authorizer that is not there: nobody is let through")
        given = authorizer.get("identitySource") or []
        sources = (given,) if isinstance(given, str) else tuple(given)
        if kind == "JWT":
            configuration = authorizer["jwtConfiguration"]
            return JwtAuthorizer(
                self._issuers,
                configuration["issuer"],
                tuple(configuration.get("audience") or ()),
                tuple(route.get("authorizationScopes") or ()),
                sources[0] if sources else AUTHORIZATION,
            )
        return await self._function(authorizer, sources, gateway, match)

    async def _function(
        self, authorizer: Mapping[str, Any], sources: tuple[str, ...], gateway: Gateway, match: Match
    ) -> Authorize:
        authorizer_id = authorizer["authorizerId"]
        reference = function_of(authorizer.get("authorizerUri") or "")
        if reference is None:
            raise UnservedError("has an authorizer with no function: nobody is let through")
        source = authorizer_arn(gateway.api_id, authorizer_id)
        if not authorizer.get("authorizerCredentialsArn") and not gateway_may_invoke(
            await self._state.policy(reference.name, reference.qualifier), source
        ):
            return _without_permission(f"{reference.arn} has no permission for {source}")
        return LambdaAuthorizer(
            authorizer_id,
            invoking(self._functions, reference, f"authorizer {authorizer.get('name') or authorizer_id}"),
            gateway,
            match,
            self._verdicts,
            sources,
            float(authorizer.get("authorizerResultTtlInSeconds") or 0),
            authorizer.get("authorizerPayloadFormatVersion") or "2.0",
            str(authorizer.get("enableSimpleResponses")).lower() == "true",
        )


def _without_permission(why: str) -> Authorize:
    async def refuse(_: HttpRequest, __: str) -> Refused:
        return Refused(message(500, "Internal Server Error", error=f"the authorizer cannot be invoked: {why}"), why)

    return refuse


def _need(request: HttpRequest, gateway: Gateway) -> Need:
    """API Gateway developer guide, "Control access to HTTP APIs with IAM authorization in API Gateway"."""
    path = request.path if gateway.stage == DEFAULT_STAGE else request.path.removeprefix(f"/{gateway.stage}")
    return Need("execute-api:Invoke", f"{gateway.arn}/{request.method}{path or '/'}", {})


def _denied(why: str) -> Answer:
    return message(403, "Forbidden", error=why)


def _forbidden(refused: RefusedRequest) -> Answer:
    return message(403, "Forbidden", error=refused.message)
