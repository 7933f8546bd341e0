"""The authorizers of deployed HTTP APIs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastlambda_cli.local.aws.deployed.state import DeployedState
from fastlambda_cli.local.http.authorizing import Authorize
from fastlambda_cli.local.http.issuers import Issuers
from fastlambda_cli.local.http.jwt_authorizer import AUTHORIZATION, JwtAuthorizer


class UnservedError(Exception):
    """What an API has and the local AWS has not; the text goes on after the name of the route."""


class Authorizers:
    """Finds who decides about a route's requests.

    Args:
        state: What the emulator knows.
        issuers: Who issues tokens.

    """

    def __init__(self, state: DeployedState, issuers: Issuers) -> None:
        self._state = state
        self._issuers = issuers

    async def of(self, api_id: str, route: Mapping[str, Any]) -> Authorize | None:
        """Find the authorizer of a route; None when everybody may pass.

        Raises:
            UnservedError: It is of a kind that is not checked here.
            EmulatorError: The emulator does not answer.

        """
        kind = route.get("authorizationType") or "NONE"
        if kind == "NONE":
            return None
        if kind != "JWT":
            raise UnservedError(f"wants {kind} authorization, which is not checked here: nobody is let through")
        authorizer = (await self._state.authorizers(api_id)).get(route.get("authorizerId", ""))
        if authorizer is None:
            raise UnservedError("has an authorizer that is not there: nobody is let through")
        configuration = authorizer["jwtConfiguration"]
        source = authorizer.get("identitySource") or AUTHORIZATION
        return JwtAuthorizer(
            self._issuers,
            configuration["issuer"],
            tuple(configuration.get("audience") or ()),
            tuple(route.get("authorizationScopes") or ()),
            source if isinstance(source, str) else source[0],
        )
