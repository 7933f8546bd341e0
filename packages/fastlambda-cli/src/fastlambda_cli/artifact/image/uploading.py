"""A blob on its way into a registry: in one request, and from where it broke off in the next.

Blobs are not cut into chunks. Amazon ECR drops every chunk after the first (aws/containers-roadmap, issue 2831) and
others limit their size, while one request for all of it is what docker sends and every registry takes. What an upload
that broke off has brought is asked of the registry, and only the rest is sent; where that does not work out, the upload
begins anew, and the registry checks the digest in the end whichever way it came.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from fastlambda_cli.artifact.image.model import Descriptor
from fastlambda_cli.artifact.image.refusals import refused, unreachable
from fastlambda_cli.artifact.image.registry import ATTEMPTS, BUSY, Moved, Registry

_RANGE = re.compile(r"(?:bytes=)?0-([0-9]+)")
_BEGUN = frozenset({201, 202})
_UNAUTHORIZED, _CREATED, _BAD_RANGE = 401, 201, 416
_PIECE = 2**18


class _BrokenOffError(Exception):
    """The upload did not come through, and may the next time."""

    def __init__(self, problem: httpx.TransportError | httpx.Response, *, unusable: bool = False) -> None:
        self.problem = problem
        self.unusable = unusable
        super().__init__(str(problem))


@dataclass(frozen=True, slots=True)
class _Upload:
    """One that the registry knows of: where it goes on, and after how many bytes."""

    location: httpx.URL
    offset: int = 0


class Uploads:
    """Uploads into one repository.

    Args:
        registry: The registry.
        repository: Its repository.
        scope: What for, as the token specification writes it.
        moved: Is told how far each has come.

    """

    def __init__(self, registry: Registry, repository: str, *, scope: str, moved: Moved) -> None:
        self._registry = registry
        self._repository = repository
        self._scope = scope
        self._moved = moved
        self._doing = f"upload to {registry.host}/{repository}"

    async def mount(self, digest: str, source: str) -> bool:
        """Have the registry take a blob over from another of its repositories; False when it does not.

        Raises:
            RegistryError: The registry refuses, or is not reached.

        """
        answer = await self._begin({"mount": digest, "from": source})
        return answer.status_code == _CREATED

    async def upload(self, blob: Descriptor, path: Path) -> None:
        """Upload a blob that is in a file.

        Raises:
            RegistryError: The registry refuses it, is not reached, or the upload breaks off again and again.
            OSError: The file cannot be read.

        """
        upload: _Upload | None = None
        for attempt in range(1, ATTEMPTS + 1):
            try:
                if upload is not None:
                    upload = await self._continued(upload, blob)
                if upload is None:
                    answer = await self._begin({})
                    upload = _Upload(_location(answer, self._doing))
                upload = await self._send(upload, blob, path)
                await self._complete(upload, blob)
            except _BrokenOffError as broken:
                problem = broken.problem
                if attempt == ATTEMPTS:
                    if isinstance(problem, httpx.Response):
                        raise refused(problem, self._doing) from None
                    raise unreachable(self._registry.host, problem) from problem
                upload = None if broken.unusable else upload
                await self._registry.pause(attempt, problem if isinstance(problem, httpx.Response) else None)
            else:
                self._moved(blob, blob.size)
                return

    async def _begin(self, parameters: dict[str, str]) -> httpx.Response:
        path = f"{self._repository}/blobs/uploads/"
        answer = await self._registry.ask("POST", path, self._scope, params=parameters)
        if answer.status_code not in _BEGUN:
            raise refused(answer, self._doing)
        return answer

    async def _continued(self, upload: _Upload, blob: Descriptor) -> _Upload | None:
        """Ask how far an upload has come; None when the registry does not say, and it has to begin anew."""
        answer = await self._registry.ask("GET", str(upload.location), self._scope)
        received = _RANGE.fullmatch(answer.headers.get("range", ""))
        if not answer.is_success or received is None:
            return None
        # 0-0 is what nothing looks like, and one byte.
        last = int(received[1])
        offset = last + 1 if last else 0
        return _Upload(_location(answer, self._doing), offset) if offset <= blob.size else None

    async def _send(self, upload: _Upload, blob: Descriptor, path: Path) -> _Upload:
        if upload.offset == blob.size:
            return upload
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size - upload.offset)}
        if upload.offset:
            headers["Content-Range"] = f"{upload.offset}-{blob.size - 1}"
        content = self._pieces(path, blob, upload.offset)
        answer = await self._ask("PATCH", upload.location, headers=headers, content=content)
        return _Upload(_location(answer, self._doing), blob.size)

    async def _complete(self, upload: _Upload, blob: Descriptor) -> None:
        await self._ask("PUT", upload.location.copy_merge_params({"digest": blob.digest}))

    async def _ask(
        self,
        method: str,
        location: httpx.URL,
        *,
        headers: dict[str, str] | None = None,
        content: AsyncIterator[bytes] | None = None,
    ) -> httpx.Response:
        asked = self._registry.request(method, str(location), self._scope, headers=headers, content=content)
        try:
            answer = await self._registry.send(asked)
            if answer.status_code == _UNAUTHORIZED:
                # The token has expired; the next attempt has another one.
                await self._registry.authenticate(answer, self._scope)
        except httpx.TransportError as problem:
            raise _BrokenOffError(problem) from problem
        if answer.status_code in {*BUSY, _UNAUTHORIZED}:
            raise _BrokenOffError(answer)
        if not answer.is_success:
            # What was put together of two requests may not be what its digest says.
            raise _BrokenOffError(answer, unusable=True)
        return answer

    async def _pieces(self, path: Path, blob: Descriptor, offset: int) -> AsyncIterator[bytes]:
        with path.open("rb") as file:
            file.seek(offset)
            done = offset
            self._moved(blob, done)
            while piece := file.read(_PIECE):
                yield piece
                done += len(piece)
                self._moved(blob, done)


def _location(answer: httpx.Response, doing: str) -> httpx.URL:
    """Where an upload goes on; it may be relative, and differs after each request."""
    location = answer.headers.get("location")
    if location is None:
        raise refused(answer, doing)
    return answer.request.url.join(location)
