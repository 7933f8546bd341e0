"""A registry of images, as the OCI distribution specification has it: manifests and blobs of its repositories."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeAlias

import httpx

from fastlambda_cli.artifact.image.authentication import Authentication, Challenge, Logins
from fastlambda_cli.artifact.image.blobs import digest_of
from fastlambda_cli.artifact.image.media_types import ACCEPTED
from fastlambda_cli.artifact.image.model import Descriptor
from fastlambda_cli.artifact.image.reference import is_loopback
from fastlambda_cli.artifact.image.refusals import is_final, refused, unreachable
from fastlambda_cli.errors import RegistryError

Sleep: TypeAlias = Callable[[float], Awaitable[None]]
Moved: TypeAlias = Callable[[Descriptor, int], None]
"""Is told of a blob how many of its bytes have come or gone so far; fewer than before when it begins anew."""

ATTEMPTS = 5
_DOCKER_HUB = {"docker.io": "registry-1.docker.io"}
_TIMEOUT = httpx.Timeout(120, connect=10, pool=None)
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
BUSY = frozenset({408, 429, 500, 502, 503, 504})
_UNAUTHORIZED, _NOT_FOUND, _CREATED, _ACCEPTED = 401, 404, 201, 202
_PIECE = 2**18
_TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as a registry has it; `content` is exactly what its digest names."""

    media_type: str
    content: bytes
    digest: str


class Registry:
    """One registry; use it as a context. It is spoken to over TLS, and without it on this machine only.

    Busy answers and lost connections are tried again, ever more slowly, five times in all.

    Args:
        host: With the port where there is one, as in a reference.
        logins: Finds the login when the registry wants one.
        sleep: Waits for some seconds.

    """

    def __init__(self, host: str, logins: Logins, *, sleep: Sleep = asyncio.sleep) -> None:
        self.host = host
        self._sleep = sleep
        self._authentication = Authentication(host, logins)
        self._authenticating = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Return itself; leaving the block closes its connections."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close its connections."""
        if "_client" in vars(self):
            await self._client.aclose()

    @functools.cached_property
    def _client(self) -> httpx.AsyncClient:
        """Made by the first request: what is pinned and cached needs none."""
        here = is_loopback(httpx.URL(f"//{self.host}").host)
        return httpx.AsyncClient(
            base_url=f"{'http' if here else 'https'}://{_DOCKER_HUB.get(self.host, self.host)}/v2/",
            timeout=_TIMEOUT,
            # A registry on this machine has no certificate, and may send on to what has one.
            verify=_TRUSTS_NOBODY if here else _trust(),
            mounts={"https://": _OverTls()} if here else None,
            # A proxy for the rest of the world does not lead to this machine.
            trust_env=not here,
            event_hooks={"request": [_check_safe]},
        )

    async def manifest(self, repository: str, selector: str) -> Manifest:
        """Get a manifest, whose bytes are checked against its digest.

        Args:
            repository: Where.
            selector: A tag or a digest.

        Raises:
            ImageNotFoundError: There is none.
            RegistryError: The registry refuses, is not reached, or gives something else.

        """
        answer = await self.ask(
            "GET", f"{repository}/manifests/{selector}", f"repository:{repository}:pull", headers=ACCEPTED
        )
        if not answer.is_success:
            raise refused(answer, f"get {self.host}/{repository}:{selector}")
        digest = digest_of(answer.content)
        promised = selector if selector.startswith("sha256:") else answer.headers.get("docker-content-digest", digest)
        if promised != digest:
            raise RegistryError(
                f"{self.host} gave something else than {repository}:{selector}",
                why=f"the digest is {digest} and not {promised}",
                remedy="Try again; if it stays so, something between here and the registry changes what it sends.",
            )
        media_type = answer.headers.get("content-type", "").partition(";")[0]
        return Manifest(media_type, answer.content, digest)

    async def manifest_digest(self, repository: str, selector: str, *, scope: str) -> str | None:
        """The digest of a manifest; None when there is none, or the repository is not there."""
        answer = await self.ask("HEAD", f"{repository}/manifests/{selector}", scope, headers=ACCEPTED)
        if answer.status_code == _NOT_FOUND:
            return None
        if not answer.is_success:
            raise refused(answer, f"look for {self.host}/{repository}:{selector}")
        return str(answer.headers.get("docker-content-digest", "")) or None

    async def put_manifest(
        self, repository: str, selector: str, content: bytes, *, media_type: str, scope: str
    ) -> None:
        """Give the registry a manifest; all that it names has to be there.

        Raises:
            RegistryError: The registry refuses, or is not reached.

        """
        answer = await self.ask(
            "PUT",
            f"{repository}/manifests/{selector}",
            scope,
            headers={"Content-Type": media_type},
            content=content,
        )
        if answer.status_code not in {_CREATED, _ACCEPTED}:
            raise refused(answer, f"push {self.host}/{repository}:{selector}")

    async def has_blob(self, repository: str, digest: str, *, scope: str) -> bool:
        """Whether a repository has a blob.

        Raises:
            RegistryError: The registry refuses, or is not reached.

        """
        answer = await self.ask("HEAD", f"{repository}/blobs/{digest}", scope)
        if answer.status_code != _NOT_FOUND and not answer.is_success:
            raise refused(answer, f"look into {self.host}/{repository}")
        return answer.is_success

    async def blob(self, repository: str, blob: Descriptor, moved: Moved) -> AsyncIterator[bytes]:
        """A blob in pieces. It is not tried again once it has begun to come: whoever stores it begins anew.

        Raises:
            RegistryError: The registry refuses.
            httpx.TransportError: It broke off.

        """
        path, scope = f"{repository}/blobs/{blob.digest}", f"repository:{repository}:pull"
        # The registry sends on to wherever it keeps its blobs, and what is sent there is told nothing about who asks.
        async with self._sent("GET", path, scope, follow_redirects=True) as answer:
            if not answer.is_success:
                await answer.aread()
                raise refused(answer, f"get {blob.digest} from {self.host}/{repository}")
            done = 0
            async for piece in answer.aiter_raw(_PIECE):
                done += len(piece)
                moved(blob, done)
                yield piece

    async def ask(self, method: str, path: str, scope: str, **request: Any) -> httpx.Response:
        """Ask something small, as often as it takes.

        Args:
            method: HTTP's.
            path: Below /v2/, or a whole URL.
            scope: What for, as the token specification writes it.
            request: What else httpx is given.

        Raises:
            RegistryLoginError: The registry wants to know who asks, and does not accept what it is told.
            RegistryUnreachableError: It is not reached.

        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with self._sent(method, path, scope, **request) as answer:
                    await answer.aread()
            except httpx.TransportError as problem:
                if attempt == ATTEMPTS or is_final(problem):
                    raise unreachable(self.host, problem) from problem
                await self.pause(attempt)
            else:
                if answer.status_code not in BUSY or attempt == ATTEMPTS:
                    return answer
                await self.pause(attempt, answer)
        raise AssertionError("the last attempt returns or raises")

    async def pause(self, attempt: int, answer: httpx.Response | None = None) -> None:
        """Wait before the next attempt: longer each time, or as long as the registry asks for."""
        wanted = answer.headers.get("retry-after", "") if answer is not None else ""
        seconds = float(wanted) if wanted.isdecimal() else _FIRST_PAUSE_S * 2 ** (attempt - 1)
        await self._sleep(min(seconds, _LONGEST_PAUSE_S))

    @contextlib.asynccontextmanager
    async def _sent(
        self, method: str, path: str, scope: str, *, follow_redirects: bool = False, **request: Any
    ) -> AsyncIterator[httpx.Response]:
        """Send once, and once more with what the registry wants to see if it says so."""
        asked = self.request(method, path, scope, **request)
        answer = await self._client.send(asked, stream=True, follow_redirects=follow_redirects)
        if answer.status_code == _UNAUTHORIZED:
            await answer.aread()
            await self.authenticate(answer, scope)
            again = self.request(method, path, scope, **request)
            answer = await self._client.send(again, stream=True, follow_redirects=follow_redirects)
        try:
            yield answer
        finally:
            await answer.aclose()

    def request(self, method: str, path: str, scope: str, **request: Any) -> httpx.Request:
        """A request with what is known to be wanted for its scope, if it goes to the registry itself."""
        asked = self._client.build_request(method, path, **request)
        header = self._authentication.header(scope)
        if header is not None and _origin(asked.url) == _origin(self._client.base_url):
            asked.headers["Authorization"] = header
        return asked

    async def send(self, asked: httpx.Request) -> httpx.Response:
        """Send a request once and read the whole answer.

        Raises:
            httpx.TransportError: It broke off.

        """
        return await self._client.send(asked)

    async def authenticate(self, answer: httpx.Response, scope: str) -> None:
        """Find out what an answer of 401 wants to see, for every later request of this scope.

        Raises:
            RegistryLoginError: There is no login, or it is not accepted.
            httpx.TransportError: The server that gives tokens is not reached.

        """
        async with self._authenticating:
            # Of several requests that were refused at once, the first has found it out for all.
            if answer.request.headers.get("authorization") == self._authentication.header(scope):
                await self._authentication.answer(Challenge.of(answer), scope, self._client)


class _OverTls(httpx.AsyncBaseTransport):
    """A transport that reads the certificates that are trusted when it first has something to send."""

    @functools.cached_property
    def _transport(self) -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(verify=_trust())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        if "_transport" in vars(self):
            await self._transport.aclose()


@functools.cache
def _trust() -> ssl.SSLContext:
    """The certificates that are trusted; reading them takes longer than many a request."""
    return httpx.create_ssl_context()


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


async def _check_safe(request: httpx.Request) -> None:
    """Refuse to send anything without TLS to another machine, wherever an answer points."""
    if request.url.scheme != "https" and not is_loopback(request.url.host):
        raise httpx.UnsupportedProtocol(f"{request.url.host} would be spoken to without TLS", request=request)


def parsed(content: bytes, what: str) -> Any:
    """Read a document of JSON that a registry gave.

    Raises:
        RegistryError: It is none.

    """
    try:
        return json.loads(content)
    except ValueError as problem:
        raise RegistryError(f"{what} is no JSON", why=str(problem)) from problem
