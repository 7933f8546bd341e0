"""The one event in an execution environment, from the moment that it is handed over to its outcome."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from fastlambda_cli.local.function.answers import Answer
from fastlambda_cli.local.function.spec import FunctionSpec
from fastlambda_cli.local.model import Invocation, InvokeResult, Status, Trace

LOG_TAIL = 4096
"""Bytes of log that Invoke returns with LogType=Tail (Lambda API Reference, "Invoke")."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why INIT or an event failed; `payload` is what Invoke answers."""

    payload: bytes
    status: Status


class Caller(Protocol):
    """Who invokes without waiting in a task."""

    def told(self, result: InvokeResult) -> None:
        """Take the outcome as soon as it is known, before the platform has logged it; `log_tail` is empty."""

    def over(self, write_up: Callable[[], None]) -> None:
        """Take note that the environment is free.

        Args:
            write_up: Has the platform log the event now, and not in a moment.

        """

    def logged(self, result: InvokeResult) -> None:
        """Take note that nothing is left to do for the event."""


class Running:
    """An event and what has become of it so far; its time runs from here on, an INIT inside of it included.

    Args:
        invocation: The event.
        trace: Its place in a trace.
        spec: The version that it runs on.
        ended: Is called when it is over, at once; without one, somebody awaits `over` and wants the end of its log.

    Attributes:
        over: Whether the runtime has answered and asks for the next event, has ended, or has taken too long.
        settled: Whether it is the first of these.
        worker: Is set when the worker that has it hangs up; None where an environment has but one.
        answer: What the runtime answered, or None.
        failed: Whether that is an error.
        cold: Whether the event met an INIT, of its own or the environment's first.
        init_ms: How long that first one took, which this event pays for.
        tail: The end of its log.
        streams: Is set when nothing more comes of an answer that the runtime sends while it makes it; None where it
            makes it first.
        streamed_bytes: How much of it that was.
        truncated: Whether the runtime hung up in the middle of it.

    """

    streams: asyncio.Event | None = None
    streamed_bytes = 0
    truncated = False

    def __init__(
        self,
        invocation: Invocation,
        trace: Trace,
        spec: FunctionSpec,
        ended: Callable[[Running], None] | None = None,
    ) -> None:
        self.invocation = invocation
        self.trace = trace
        self.over = False
        self.settled = False
        self._being_over: asyncio.Future[None] | None = None
        self._being_answered: asyncio.Future[None] | None = None
        self.worker: asyncio.Future[None] | None = None
        self.answer: bytes | None = None
        self.failed = False
        self.cold = False
        self.init_ms: float | None = None
        self.tail = b""
        self._arn = invocation.invoked_arn or spec.arn
        self._ended = ended
        self._began = time.perf_counter()
        self._ended_at: float | None = None
        self._timeout = spec.timeout
        self._deadline_ms = int((time.time() + spec.timeout) * 1000)

    @property
    def awaited(self) -> bool:
        """Whether somebody awaits its end."""
        return self._ended is None

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds that it has run, until now or until its end."""
        return ((self._ended_at or time.perf_counter()) - self._began) * 1000

    @property
    def left_s(self) -> float:
        """Seconds that it may go on; none when its time is over."""
        return max(self._timeout - (time.perf_counter() - self._began), 0.0)

    def remember(self, line: str) -> None:
        """Add a line to its log."""
        if self._ended is None:
            self.tail = (self.tail + line.encode() + b"\n")[-LOG_TAIL:]

    @property
    def being_over(self) -> asyncio.Future[None]:
        """Is done when it is over."""
        if self._being_over is None:
            self._being_over = _done_if(self.over)
        return self._being_over

    @property
    def being_answered(self) -> asyncio.Future[None]:
        """Is done when the runtime has answered, and at the latest when it is over."""
        if self._being_answered is None:
            self._being_answered = _done_if(self.over or self.answer is not None)
        return self._being_answered

    def take(self, answer: bytes, *, failed: bool = False) -> None:
        """Take what the runtime answers, an error of the function's perhaps."""
        self.answer, self.failed = answer, failed
        _finish(self._being_answered)

    def settle(self) -> None:
        """Take note that the runtime is done with it."""
        self.settled = True
        self.end()

    def end(self, _: object = None) -> None:
        """Have nobody wait for it any longer."""
        if self.over:
            return
        self._ended_at = time.perf_counter()
        self.over = True
        _finish(self._being_over)
        _finish(self._being_answered)
        if self._ended is not None:
            self._ended(self)

    def for_runtime(self) -> Answer:
        """What `/next` answers the runtime (AWS Lambda Developer Guide, "Using the Lambda runtime API")."""
        headers = [
            ("content-type", "application/json"),
            ("Lambda-Runtime-Aws-Request-Id", self.invocation.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(self._deadline_ms)),
            ("Lambda-Runtime-Invoked-Function-Arn", self._arn),
            ("Lambda-Runtime-Trace-Id", self.trace.header),
        ]
        if self.invocation.client_context is not None:
            # JSON may have line breaks and letters that no header can.
            context = json.dumps(json.loads(self.invocation.client_context))
            headers.append(("Lambda-Runtime-Client-Context", context))
        return Answer(200, tuple(headers), self.invocation.payload)

    def for_extensions(self) -> dict[str, Any]:
        """What `/event/next` answers an extension, but for the event's type."""
        return {
            "deadlineMs": self._deadline_ms,
            "requestId": self.invocation.request_id,
            "invokedFunctionArn": self._arn,
            "tracing": {"type": "X-Amzn-Trace-Id", "value": self.trace.header},
        }


def _done_if(done: bool) -> asyncio.Future[None]:  # noqa: FBT001
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    if done:
        future.set_result(None)
    return future


def _finish(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)
