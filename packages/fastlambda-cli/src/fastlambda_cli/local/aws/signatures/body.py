"""Bodies and their hashes: known before anything is done with them, and never a large one in memory."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import io
import re
import tempfile
from types import TracebackType
from typing import IO, Self

from fastlambda_cli.local.aws.proxy import ClientGoneError
from fastlambda_cli.local.aws.signatures.faults import OTHER_BODY, TOO_LARGE, RefusedRequest
from fastlambda_cli.local.serve import Message, Receive

HASH = re.compile(r"[0-9a-f]{64}")
"""A SHA-256; what else stands for one in `x-amz-content-sha256` says how the body comes."""

_IN_MEMORY = 1024 * 1024
MOST = 128 * 1024 * 1024
"""More than any service but S3 takes: a zip of 50 MB in Base64 is the largest, and S3 always has a signed hash."""
_PIECE = 256 * 1024


class Body:
    """A body that is read to its end before it is passed on: on entering, until the block ends.

    One of more than a megabyte waits in a file that nobody else can open.

    Args:
        receive: Where it comes from.
        most: How many bytes it may have.

    Attributes:
        hash: Its SHA-256 in hexadecimal digits.

    Raises:
        RefusedRequest: It is too large.
        ClientGoneError: The client hung up first.

    """

    def __init__(self, receive: Receive, most: int = MOST) -> None:
        self._receive = receive
        self._most = most
        self._file: IO[bytes]
        self._left = 0
        self.hash = ""

    async def __aenter__(self) -> Self:
        """Read it."""
        piece, more = await _piece(self._receive)
        self._left = len(piece)
        found = hashlib.sha256(piece)
        if not more and self._left <= self._most:  # nearly every body: one piece, which is there
            self._file = io.BytesIO(piece)
        else:
            with contextlib.ExitStack() as stack:
                self._file = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))
                self._file.write(piece)
                while more and self._left <= self._most:
                    piece, more = await _piece(self._receive)
                    self._left += len(piece)
                    found.update(piece)
                    self._file.write(piece)
                if self._left > self._most:
                    raise RefusedRequest(TOO_LARGE)
                self._file.seek(0)
                stack.pop_all()
        self.hash = found.hexdigest()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Forget it."""
        self._file.close()

    @property
    def beginning(self) -> bytes:
        """As much of it as fits into a megabyte."""
        beginning = self._file.read(_IN_MEMORY)
        self._file.seek(0)
        return beginning

    async def again(self) -> Message:
        """Give it once more, as ASGI's `receive` does, and after it whatever comes next."""
        if self._left < 0:
            return await self._receive()
        piece = self._file.read(_PIECE)
        self._left -= len(piece)
        more = self._left > 0
        self._left = self._left if more else -1
        return {"type": "http.request", "body": piece, "more_body": more}


def checked(receive: Receive, wanted: str) -> Receive:
    """Pass a body on as it comes, and its last piece only when the whole has this SHA-256.

    Without its last piece no body is whole, so nothing is done with one that was changed on its way.

    Args:
        receive: Where it comes from.
        wanted: In hexadecimal digits.

    Returns:
        ASGI's `receive`, which raises RefusedRequest for a body that has another.

    """
    found = hashlib.sha256()
    over = False

    async def receiving() -> Message:
        nonlocal over
        message = await receive()
        if over or message["type"] == "http.disconnect":
            return message
        found.update(message.get("body", b""))
        over = not message.get("more_body", False)
        if over and not hmac.compare_digest(found.hexdigest(), wanted):
            raise RefusedRequest(OTHER_BODY)
        return message

    return receiving


async def read_away(receive: Receive) -> bool:
    """Read a body that nobody wants, or its client would never read the answer; whether it came to its end."""
    read, more = 0, True
    while more and read <= MOST:
        piece, more = await _piece(receive)
        read += len(piece)
    return not more


async def _piece(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    return message.get("body", b""), message.get("more_body", False)
