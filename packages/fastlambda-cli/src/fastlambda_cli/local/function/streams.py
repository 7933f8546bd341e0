"""A runtime that sends its answer while it makes it.

AWS Lambda Developer Guide, "Building a custom runtime for AWS Lambda", "Implementing response streaming in a custom
runtime": the answer is chunked and says that it streams, and an error in its middle comes in trailers behind it. The
names of what the platform itself sees go wrong are those of AWS's runtime interface emulator (`core/directinvoke`).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
from collections.abc import Callable, Mapping
from typing import Protocol

from fastlambda_cli.local import failures
from fastlambda_cli.local.function.answers import Refusal
from fastlambda_cli.local.function.running import Running
from fastlambda_cli.local.streaming import ResponseStream, Source, StreamError

MODE = "lambda-runtime-function-response-mode"
"""The header of an answer that says whether it streams."""

_REST_WITHIN_S = 0.5
_ERROR_TYPE = "lambda-runtime-function-error-type"
_ERROR_BODY = "lambda-runtime-function-error-body"


class Intake(Protocol):
    """Takes a body while it comes."""

    def take(self, piece: bytes) -> None:
        """Take a piece of it."""

    def end(self, headers: Mapping[str, str]) -> None:
        """Take note that it has come whole, with its headers and trailers by their names in lower case.

        Raises:
            Refusal: It is not accepted.

        """

    def lost(self) -> None:
        """Take note that its sender has hung up."""


def streams(headers: Mapping[str, str]) -> bool:
    """Whether a runtime streams its answer, as it says itself.

    Raises:
        Refusal: It says what there is not.

    """
    mode = headers.get(MODE, "buffered")
    if mode.lower() not in {"streaming", "buffered"}:
        raise Refusal(400, "InvalidFunctionResponseMode", f"Invalid response mode: {mode}")
    return mode.lower() == "streaming"


def midstream_error(headers: Mapping[str, str]) -> StreamError | None:
    """What a runtime says behind its answer, which it has not finished."""
    if _ERROR_TYPE not in headers and _ERROR_BODY not in headers:
        return None
    encoded = headers.get(_ERROR_BODY, "")
    try:
        details = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        details = encoded
    return StreamError(headers.get(_ERROR_TYPE) or "Runtime.Unknown", details)


def handed_on(
    running: Running, version: str, content_type: str | None, source: Source, answered: Callable[[Running], None]
) -> Intake | None:
    """Begin to hand on the answer of an event while it comes; None when whoever invoked wants it whole.

    Args:
        running: The event.
        version: The function's version that runs.
        content_type: What the runtime says it sends.
        source: Is asked to wait while whoever invoked reads slower.
        answered: Is called once the environment needs nothing more of the answer.

    """
    stream = running.invocation.stream
    if stream is None:
        return None
    running.streams = asyncio.Event()
    stream.open(source, content_type, version, cold=running.cold)
    return StreamedResponse(running, stream, running.streams, answered)


async def rest_of(streams: asyncio.Event) -> None:
    """Let what a runtime sent before it ended come to the caller: its connection ends a little later."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(streams.wait(), _REST_WITHIN_S)


class StreamedResponse:
    """The answer of one event, on its way to whoever invoked: an `Intake`.

    Args:
        running: The event.
        stream: Takes the answer.
        come: Is set when nothing more comes of it, or is wanted.
        answered: Is called once the environment needs nothing more of it.

    """

    def __init__(
        self, running: Running, stream: ResponseStream, come: asyncio.Event, answered: Callable[[Running], None]
    ) -> None:
        self._running = running
        self._stream = stream
        self._come = come
        self._answered = answered

    def take(self, piece: bytes) -> None:
        """Hand on a piece; of an answer that is too large, as much as is allowed."""
        if self._running.answer is None and not self._stream.put(piece):
            payload = failures.stream_too_large()
            self._stream.finish(StreamError(failures.error_type(payload), payload.decode()))
            self._over(payload)

    def end(self, headers: Mapping[str, str]) -> None:
        """Let the answer be whole.

        An error that the runtime tells in trailers changes nothing about that: "Lambda treats this as a successful
        response and forwards the error metadata that the runtime provides to the client."

        Raises:
            Refusal: It was too large.

        """
        if self._running.failed:
            raise Refusal(413, "RequestEntityTooLarge", failures.error_message(self._running.answer or b""))
        self._stream.finish(midstream_error(headers))
        self._over(None)

    def lost(self) -> None:
        """Let the event fail; it is for the environment to find out whether the runtime itself is gone."""
        if self._running.answer is None:
            self._running.truncated = True
            self._over(failures.truncated_response())

    def _over(self, error: bytes | None) -> None:
        running = self._running
        running.streamed_bytes = self._stream.size
        running.take(error or b"", failed=error is not None)
        self._come.set()
        self._answered(running)


class Dropped:
    """Takes an answer that nobody waits for any more: an `Intake`."""

    def take(self, piece: bytes) -> None:
        """Forget a piece."""

    def end(self, headers: Mapping[str, str]) -> None:
        """Accept it, as what comes late is accepted."""

    def lost(self) -> None:
        """Do nothing."""
