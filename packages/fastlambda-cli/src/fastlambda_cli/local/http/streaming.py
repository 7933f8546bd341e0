"""Answers of a function URL in `RESPONSE_STREAM` mode, which leave while the function makes them.

Status, headers and cookies come before the body, as JSON with eight zero bytes behind it, where the runtime says so by
the content type (`HttpResponseStream` of AWS's runtime interface client for Node.js). Without, the status is 200 and
the body is what the function sends; the content type is the runtime's, or `application/octet-stream`, as seen at a
function URL in middyjs/middy#1189.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastlambda_cli.local.failures import summary
from fastlambda_cli.local.http.response import Answer, MalformedResponseError, convert_prelude
from fastlambda_cli.local.model import InvokeResult
from fastlambda_cli.local.streaming import ResponseStream

PRELUDE = "application/vnd.awslambda.http-integration-response"
"""The content type of an answer that begins with its status and headers."""

_DELIMITER = bytes(8)
_MOST_PRELUDE = 16 * 1024
"""Bytes in which the prelude has to end (API Gateway Developer Guide, "Set up a Lambda proxy integration with payload
response streaming in API Gateway"); what a function URL allows is not documented."""
_ANY = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class StreamedAnswer(Answer):
    """An answer of which `body` is only the beginning; `rest` has what comes of the stream, and of the invocation."""

    rest: Rest | None = None


class Rest:
    """What follows on the beginning of an answer.

    Args:
        stream: Where it comes from.
        pieces: What comes of it.
        running: The invocation.

    """

    def __init__(
        self, stream: ResponseStream, pieces: AsyncIterator[bytes], running: asyncio.Future[InvokeResult]
    ) -> None:
        self.stream = stream
        self.pieces = pieces
        self.running = running

    async def problem(self) -> str | None:
        """Say why the answer is not whole, once nothing more comes; None when it is."""
        if self.stream.error is not None:
            return f"the function failed in the middle of its answer: {self.stream.error.code}"
        if self.stream.complete:
            return None
        try:
            result = await self.running
        except Exception as problem:  # noqa: BLE001 - it is told elsewhere, and the client has to be told now
            return f"the invocation failed in the middle of the answer: {problem!r}"
        return f"the function failed in the middle of its answer: {summary(result.payload)}"


async def begin(stream: ResponseStream, running: asyncio.Future[InvokeResult]) -> Answer | None:
    """Read an answer up to its body.

    Args:
        stream: Where it comes from.
        running: The invocation.

    Returns:
        The answer; None when the runtime has streamed nothing of it, and the invocation's result has it.

    Raises:
        MalformedResponseError: It does not begin as it says it does.

    """
    if not await stream.begun():
        return None
    kind = stream.content_type or _ANY
    has_prelude = kind.partition(";")[0].strip().lower() == PRELUDE
    pieces, begun = stream.pieces(), b""
    async for piece in pieces:
        begun += piece
        if not has_prelude or _DELIMITER in begun or len(begun) > _MOST_PRELUDE:
            break
    else:
        if not stream.complete:
            return None  # it ended before it began
    rest = Rest(stream, pieces, running)
    if not has_prelude:
        return StreamedAnswer(200, (("content-type", kind),), begun, rest=rest)
    prelude, delimiter, body = begun.partition(_DELIMITER)
    if not delimiter or len(prelude) > _MOST_PRELUDE:
        told = f"its status and headers have no eight zero bytes behind them within {_MOST_PRELUDE:,} bytes"
        raise MalformedResponseError(told)
    head = convert_prelude(prelude, _ANY)
    return StreamedAnswer(head.status, head.headers, body, rest=rest)
