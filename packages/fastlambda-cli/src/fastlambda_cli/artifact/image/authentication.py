"""How a registry is told who asks: basic authentication, or a token that another server gives for it.

Distribution specification, "Token Authentication Specification" and "OAuth2 Token Authentication".
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import httpx

from fastlambda_cli.artifact.image.refusals import LOG_IN
from fastlambda_cli.errors import RegistryLoginError

_PARAMETER = re.compile(r'([a-zA-Z_]+)="([^"]*)"')
_CLIENT = "fastlambda"


@dataclass(frozen=True, slots=True)
class Login:
    """Who somebody is to a registry.

    Attributes:
        user: The name; empty where `secret` is an identity token, which is exchanged for others.
        secret: The password, or that token.

    """

    user: str
    secret: str = field(repr=False)


Logins: TypeAlias = Callable[[str], Login | None]
"""Finds the login for a registry by its host; None is to ask as nobody in particular."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a registry wants to see (RFC 9110, section 11.6.1)."""

    scheme: str
    parameters: Mapping[str, str]

    @classmethod
    def of(cls, answer: httpx.Response) -> Challenge:
        """Read it from an answer of 401; one that says nothing wants basic authentication."""
        scheme, _, rest = answer.headers.get("www-authenticate", "basic").partition(" ")
        return cls(scheme.lower(), dict(_PARAMETER.findall(rest)))


class Authentication:
    """The `Authorization` headers for one registry, by what is asked of it.

    Args:
        host: The registry's.
        logins: Finds the login, when the registry wants one.

    """

    def __init__(self, host: str, logins: Logins) -> None:
        self._host = host
        self._logins = logins
        self._headers: dict[str, str] = {}

    def header(self, scope: str) -> str | None:
        """The header for a scope, such as `repository:books:pull`; None when none has been asked for yet."""
        return self._headers.get(scope)

    async def answer(self, challenge: Challenge, scope: str, client: httpx.AsyncClient) -> str:
        """Give a registry what it wants to see.

        Args:
            challenge: What it said.
            scope: What is going to be asked of it; several are separated by spaces.
            client: Asks for a token.

        Raises:
            RegistryLoginError: There is no login, or it is not accepted.
            httpx.TransportError: The server that gives tokens is not reached.

        """
        login = self._logins(self._host)
        if challenge.scheme == "bearer":
            header = f"Bearer {await self._token(challenge, scope, login, client)}"
        elif login is None:
            raise RegistryLoginError(
                f"{self._host} wants to know who you are", why="no login for it was found", remedy=LOG_IN
            )
        else:
            header = f"Basic {base64.b64encode(f'{login.user}:{login.secret}'.encode()).decode()}"
        self._headers[scope] = header
        return header

    async def _token(self, challenge: Challenge, scope: str, login: Login | None, client: httpx.AsyncClient) -> str:
        realm = challenge.parameters.get("realm", "")
        service = challenge.parameters.get("service", self._host)
        if login is not None and not login.user:
            granted = {"grant_type": "refresh_token", "refresh_token": login.secret, "client_id": _CLIENT}
            answer = await client.post(realm, data={"service": service, "scope": scope, **granted})
        else:
            auth = httpx.BasicAuth(login.user, login.secret) if login is not None else None
            answer = await client.get(realm, params={"service": service, "scope": scope.split()}, auth=auth)
        token = _token_of(answer)
        if token is None:
            raise RegistryLoginError(
                f"{self._host} gives no token for {scope}",
                why=f"{httpx.URL(realm).host} answered with status {answer.status_code}",
                remedy=LOG_IN,
            )
        return token


def _token_of(answer: httpx.Response) -> str | None:
    if not answer.is_success:
        return None
    try:
        document: Any = answer.json()
    except ValueError:
        return None
    match document:
        case {"token": str(token)} | {"access_token": str(token)}:
            return token
    return None
