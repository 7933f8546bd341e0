"""The public keys of those who issue tokens, found as OpenID Connect Discovery says."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import httpx

Fetch: TypeAlias = Callable[[str], Awaitable[bytes]]
"""Gets a document; raises UnreachableError."""

KEPT_S = 7200.0
"""API Gateway may keep keys for two hours (developer guide, "Control access to HTTP APIs with JWT authorizers")."""

LOOK_AGAIN_S = 1.0
"""Seconds after which a key that is not known is looked for once more: an issuer on this machine restarts often."""

TIMEOUT_S = 10.0
"""For each of the two documents. API Gateway waits 1.5 s, in its own network; a laptop's may be slower."""

MAX_BYTES = 150_000
"""Of the document with the keys (API Gateway developer guide, "Quotas for HTTP APIs")."""

_DISCOVERY = "/.well-known/openid-configuration"
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


class UnreachableError(Exception):
    """A document cannot be had; its text says why."""


class IssuerError(Exception):
    """The keys of an issuer cannot be had.

    Attributes:
        said: What API Gateway tells the client.

    """

    def __init__(self, said: str, why: str) -> None:
        super().__init__(why)
        self.said = said


@dataclass(slots=True)
class _Known:
    """What is known of an issuer; `fetched_at` is on the clock of `Issuers`."""

    keys: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    fetched_at: float | None = None
    fetching: asyncio.Lock = field(default_factory=asyncio.Lock)


class Issuers:
    """The keys of every issuer that was asked for, by their ids.

    Args:
        fetch: Gets the documents.
        clock: Seconds.

    """

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._known: dict[str, _Known] = {}

    async def key(self, issuer: str, key_id: str) -> Mapping[str, Any] | None:
        """Return a key of an issuer as a JSON Web Key (RFC 7517); None when it has none of that id.

        Raises:
            IssuerError: The issuer does not answer, or not with keys.

        """
        known = self._known.setdefault(issuer, _Known())
        async with known.fetching:  # tokens that come together need the keys once
            if self._older(known, KEPT_S) or (key_id not in known.keys and self._older(known, LOOK_AGAIN_S)):
                known.keys = await self._keys(issuer)
                known.fetched_at = self._clock()
        return known.keys.get(key_id)

    def _older(self, known: _Known, seconds: float) -> bool:
        return known.fetched_at is None or self._clock() - known.fetched_at >= seconds

    async def _keys(self, issuer: str) -> Mapping[str, Mapping[str, Any]]:
        discovery = issuer.rstrip("/") + _DISCOVERY
        found = await self._document(discovery, "OIDC discovery endpoint communication error")
        place = found.get("jwks_uri")
        if not isinstance(place, str):
            raise IssuerError("OIDC discovery endpoint communication error", f"{discovery} has no jwks_uri")
        keys = (await self._document(place, "JWKS communication error")).get("keys")
        if not isinstance(keys, list):
            raise IssuerError("JWKS communication error", f"{place} has no keys")
        return {key["kid"]: key for key in keys if isinstance(key, dict) and isinstance(key.get("kid"), str)}

    async def _document(self, url: str, said: str) -> Mapping[str, Any]:
        try:
            found = json.loads(await self._fetch(url))
        except UnreachableError as problem:
            raise IssuerError(said, f"{url}: {problem}") from problem
        except ValueError as problem:
            raise IssuerError(said, f"{url} is no JSON") from problem
        if not isinstance(found, dict):
            raise IssuerError(said, f"{url} is no JSON object")
        return found


async def fetch_document(url: str) -> bytes:
    """Get a document from wherever it is.

    Raises:
        UnreachableError: It is not there, too large, or takes too long.

    """
    address = urlsplit(url)
    elsewhere = address.hostname not in _THIS_MACHINE
    # Without TLS no certificates have to be read, which takes longer than all the rest.
    verify = address.scheme == "https" or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        async with (
            asyncio.timeout(TIMEOUT_S),
            # A proxy leads out of this machine: never to what is on it.
            httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=elsewhere, verify=verify) as client,
            client.stream("GET", url) as response,
        ):
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MAX_BYTES:
                    raise UnreachableError(f"more than API Gateway's {MAX_BYTES:,} bytes")
            if not response.is_success:
                raise UnreachableError(f"answers {response.status_code}")
    except TimeoutError as problem:
        raise UnreachableError(f"no answer within {TIMEOUT_S:g} s") from problem
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        raise UnreachableError(str(problem) or type(problem).__name__) from problem
    return bytes(body)
