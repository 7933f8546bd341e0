"""An answer that is on its way while the function still makes it, from the runtime to whoever invoked."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol

from fastlambda_cli.local.model import LATEST

MAX_STREAMED = 200 * 1024 * 1024
"""Bytes of a streamed answer (AWS Lambda Developer Guide, "Lambda quotas")."""

_MOST_WAITING = 1024 * 1024
"""Bytes that wait for a slow reader before the runtime has to wait too."""


class Source(Protocol):
    """Where an answer comes from: the connection of a runtime."""

    def pause_reading(self) -> None:
        """Take nothing more of the answer for now."""

    def resume_reading(self) -> None:
        """Go on."""


class StreamError(NamedTuple):
    """What went wrong in the middle of an answer: the type of the error, and what else is known of it."""

    code: str
    details: str


class ResponseStream:
    """What a runtime streams, in between the runtime, which opens it and puts pieces in, and one reader.

    A runtime that does not stream never opens it; the result of the invocation has the whole answer then.

    Args:
        limit: How many bytes the answer may have.

    Attributes:
        content_type: What the runtime says it sends; None until it begins, or if it said nothing.
        version: The function's version that runs, once the runtime has begun.
        cold: Whether the event met an INIT, once the runtime has begun.
        opened: Whether the runtime streams.
        complete: Whether the runtime has sent all of it.
        error: What the runtime, or the platform, says went wrong in the middle of it.
        size: Bytes that came so far.

    """

    def __init__(self, limit: int = MAX_STREAMED) -> None:
        self.content_type: str | None = None
        self.version = LATEST
        self.cold = False
        self.opened = False
        self.complete = False
        self.error: StreamError | None = None
        self.size = 0
        self._limit = limit
        self._pieces: deque[bytes] = deque()
        self._waiting = 0
        self._closed = False
        self._abandoned = False
        self._source: Source | None = None
        self._paused = False
        self._changed = asyncio.Event()

    # The runtime's side.

    def open(self, source: Source, content_type: str | None, version: str = LATEST, *, cold: bool = False) -> None:
        """Begin.

        Args:
            source: Is asked to wait while the reader is slower.
            content_type: What the runtime says it sends.
            version: The function's version that runs.
            cold: Whether the event met an INIT.

        """
        self.content_type, self.version, self.cold = content_type, version, cold
        self._source, self.opened = source, True
        self._changed.set()

    def put(self, piece: bytes) -> bool:
        """Take a piece; whether it is still within the limit, up to which everything is taken."""
        fits = self.size + len(piece) <= self._limit
        if not fits:
            piece = piece[: self._limit - self.size]
        self.size += len(piece)
        if piece and not self._abandoned:
            self._pieces.append(piece)
            self._waiting += len(piece)
            self._changed.set()
            if self._waiting > _MOST_WAITING and not self._paused and self._source is not None:
                self._paused = True
                self._source.pause_reading()
        return fits

    def finish(self, error: StreamError | None = None) -> None:
        """Take note that the runtime has sent all of it, or that nothing more of it is wanted."""
        self.complete, self.error = True, error
        self.close()

    def close(self) -> None:
        """Let nobody wait for more: the runtime has finished, or the invocation is over."""
        self._closed = True
        self._changed.set()

    # The reader's side.

    async def begun(self) -> bool:
        """Wait until the runtime begins to stream; False when the invocation ended without."""
        while not self.opened and not self._closed:
            await self._change()
        return self.opened

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give what comes, as it comes, until nothing more does."""
        while True:
            if self._pieces:
                piece = b"".join(self._pieces)
                self._forget()
                yield piece
            elif self._closed:
                return
            else:
                await self._change()

    def abandon(self) -> None:
        """Read no more of it: what comes is dropped."""
        self._abandoned = True
        self._forget()

    def _forget(self) -> None:
        self._pieces.clear()
        self._waiting = 0
        if self._paused and self._source is not None:
            self._paused = False
            self._source.resume_reading()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
