"""A JWT authorizer: API Gateway developer guide, "Control access to HTTP APIs with JWT authorizers"."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastlambda_cli.local.http.authorizing import Authorized, Refused, selected
from fastlambda_cli.local.http.issuers import IssuerError, Issuers
from fastlambda_cli.local.http.request import HttpRequest
from fastlambda_cli.local.http.response import message

AUTHORIZATION = "$request.header.Authorization"

_BEARER = re.compile(r"bearer +", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class JwtAuthorizer:
    """Lets requests pass that bring a valid token: an `Authorize`.

    Attributes:
        issuers: Knows the keys.
        issuer: Who must have issued the token.
        audience: One of these must be its `aud`, or its `client_id` when it has no `aud`.
        scopes: When there are any, it must have one of these.
        source: Where the token is.

    """

    issuers: Issuers
    issuer: str
    audience: tuple[str, ...]
    scopes: tuple[str, ...] = ()
    source: str = AUTHORIZATION

    async def __call__(self, request: HttpRequest, _: str) -> Authorized | Refused:
        """Look at the request's token."""
        given = selected(request, self.source)
        if given is None:
            return _refused(401, "Bearer", "missing: token not provided", f"there is no token in {self.source}")
        # Most services have no authorizer, and its library is slow to import.
        from fastlambda_cli.local.http import tokens  # noqa: PLC0415

        token = _BEARER.sub("", given, count=1) if _BEARER.match(given) else given
        try:
            algorithm, key_id = tokens.header(token)
            key = await self.issuers.key(self.issuer, key_id)
            if key is None:
                return self._invalid("the token's kid is none of the issuer's keys", key_id)
            claims = tokens.claims(token, algorithm, key, self.issuer, self.audience)
        except tokens.TokenError as problem:
            return self._invalid(str(problem))
        except IssuerError as problem:
            return self._invalid(problem.said, str(problem))
        granted = _scopes(claims)
        if self.scopes and not set(self.scopes).intersection(granted):
            return self._without_scope()
        return Authorized({"jwt": {"claims": rendered(claims), "scopes": granted if self.scopes else None}})

    def _invalid(self, said: str, more: str = "") -> Refused:
        challenge = f'Bearer scope="{" ".join(self.scopes)}" error="invalid_token" error_description="{_quoted(said)}"'
        return _refused(401, challenge, f"invalid_token: {said}", f"{said}: {more}" if more else said)

    def _without_scope(self) -> Refused:
        wanted = " ".join(self.scopes)
        said = "the token has none of the route's scopes"
        challenge = f'Bearer scope="{wanted}" error="insufficient_scope" error_description="{said}"'
        return _refused(403, challenge, f"insufficient_scope: {said}", f"the token has none of the scopes {wanted}")


def rendered(claims: Mapping[str, Any]) -> dict[str, str]:
    """Write claims as the event has them: all are text, and those that are null are left out.

    Recorded at a deployed HTTP API by floci (its pull request 2011): `[admin editor]` for a list.
    """
    return {name: _text(value) for name, value in claims.items() if value is not None}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{' '.join(_text(each) for each in value)}]"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _scopes(claims: Mapping[str, Any]) -> list[str]:
    found = claims.get("scope") or claims.get("scp") or []
    if isinstance(found, str):
        return found.split()
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _refused(status: int, challenge: str, reason: str, why: str) -> Refused:
    text = "Unauthorized" if status == 401 else "Forbidden"  # noqa: PLR2004
    answer = message(status, text, error=f"the JWT authorizer refuses the request: {why}")
    return Refused(answer.with_header("www-authenticate", challenge), reason)


def _quoted(text: str) -> str:
    return re.sub(r'[^\x20-\x7e]|["\\]', "'", text)
