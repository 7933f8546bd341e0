"""Lambda's InvokeWithResponseStream: AWS Lambda API Reference, "InvokeWithResponseStream".

What AWS does not document of it is as in AWS's runtime interface emulator (`core/directinvoke`), where an error of the
function before the first byte has no place in the stream, and what ends an answer in its middle has a type of its own.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable

from fastlambda_cli.local import failures
from fastlambda_cli.local.aws import event_stream
from fastlambda_cli.local.aws.invoke_errors import InvokeError
from fastlambda_cli.local.model import Invocation, InvokeResult
from fastlambda_cli.local.serve import Send
from fastlambda_cli.local.streaming import ResponseStream, StreamError

KINDS = frozenset({"RequestResponse", "DryRun"})
"""The invocation types that it knows."""

_CHUNK = 64 * 1024
"""Bytes of one event, of an answer that is there already."""


class StreamedAnswer:
    """The answer to one request.

    Args:
        invocation: The invocation.
        send: Takes the answer.
        tail: Whether the end of the log is wanted, which is there only when the function is done.

    """

    def __init__(self, invocation: Invocation, send: Send, *, tail: bool) -> None:
        self._stream = ResponseStream()
        self._answered: asyncio.Future[InvokeResult] = asyncio.get_running_loop().create_future()
        # The end of the log is a part of the answer, and extensions may write it.
        self._invocation = invocation._replace(stream=self._stream, early=None if tail else self._answer)
        self._send = send
        self._tail = tail
        self._begun = self._ended = False

    async def of(self, invoke: Callable[[Invocation], Awaitable[InvokeResult]]) -> None:
        """Invoke, and answer with the events of the answer as they come.

        Args:
            invoke: Runs the invocation.

        Raises:
            InvokeError: The invocation was refused, or failed here, and no answer has begun.

        """
        running = asyncio.ensure_future(invoke(self._invocation))
        running.add_done_callback(lambda _: self._stream.close())
        try:
            if await self._stream.begun():
                await self._relay()
            await self._conclude(self._answered.result() if self._answered.done() else await running)
            await running
        except InvokeError as error:
            if not self._begun:
                raise
            await self._end(StreamError(error.code, str(error)))
        finally:
            self._stream.abandon()
            if not running.done():
                running.cancel()
                await asyncio.wait({running})

    async def _answer(self, result: InvokeResult) -> None:
        self._answered.set_result(result)
        self._stream.close()

    async def _relay(self) -> None:
        await self._begin(self._stream.version)
        async for piece in self._stream.pieces():
            await self._chunk(piece)
        if self._stream.complete and not self._tail:  # who streams may go on when all is sent, and nobody waits for it
            await self._end(self._stream.error)

    async def _conclude(self, result: InvokeResult) -> None:
        await self._begin(result.executed_version)
        error = _error(self._stream, result)
        if not self._stream.opened and error is None:
            for at in range(0, len(result.payload), _CHUNK):
                await self._chunk(result.payload[at : at + _CHUNK])
        await self._end(error, result.log_tail)

    async def _begin(self, version: str) -> None:
        if self._begun:
            return
        self._begun = True
        headers = {
            "x-amzn-requestid": self._invocation.request_id,
            "content-type": event_stream.CONTENT_TYPE,
            "x-amz-executed-version": version,
        }
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": 200, "headers": encoded})

    async def _chunk(self, piece: bytes) -> None:
        event = event_stream.event("PayloadChunk", "application/octet-stream", piece)
        await self._send({"type": "http.response.body", "body": event, "more_body": True})

    async def _end(self, error: StreamError | None, log: bytes = b"") -> None:
        if self._ended:
            return
        self._ended = True
        told = {"ErrorCode": error.code, "ErrorDetails": error.details} if error is not None else {}
        if self._tail:
            told["LogResult"] = base64.b64encode(log).decode()
        event = event_stream.event("InvokeComplete", "application/json", json.dumps(told).encode())
        await self._send({"type": "http.response.body", "body": event})


def _error(stream: ResponseStream, result: InvokeResult) -> StreamError | None:
    if stream.error is not None or result.function_error is None:
        return stream.error
    code = failures.error_type(result.payload) if stream.opened else result.function_error
    return StreamError(code, result.payload.decode(errors="replace"))
