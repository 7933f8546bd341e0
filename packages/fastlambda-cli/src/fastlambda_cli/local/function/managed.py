"""An execution environment of Lambda Managed Instances: several workers in it, and an event for each of them at once.

AWS Lambda Developer Guide, "Understanding the Lambda Managed Instances execution environment" and "Python runtime for
Lambda Managed Instances": the runtime client forks its workers, each of which imports the handler for itself and asks
for events. INIT is over when the first of them does. Nothing is frozen; a timeout ends the event for its caller and
neither the worker nor its neighbours; a worker that dies costs its own event, and the others go on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from fastlambda_cli.local import failures
from fastlambda_cli.local.function.answers import Answer, Later, Refusal
from fastlambda_cli.local.function.environment import ExecutionEnvironment
from fastlambda_cli.local.function.logs import as_object
from fastlambda_cli.local.function.platform_log import InitPhase
from fastlambda_cli.local.function.running import Caller, Failure, Running
from fastlambda_cli.local.function.states import State
from fastlambda_cli.local.function.streams import Dropped, Intake
from fastlambda_cli.local.model import Invocation, InvocationStarted, InvokeResult, Status, Trace
from fastlambda_cli.local.streaming import Source

_LATE = 1_000
"""Events that are over for their callers, and that a worker may still answer."""


class ManagedEnvironment(ExecutionEnvironment):
    """An environment that runs as many events at once as its spec's `workers`."""

    _failure: Failure | None = None

    def _prepare(self) -> None:
        self._events: dict[str, Running] = {}
        self._undelivered_events: deque[Running] = deque()
        self._seen: set[asyncio.Future[None]] = set()
        self._workers: deque[tuple[Later, asyncio.Future[None]]] = deque()
        self._given_up: deque[str] = deque(maxlen=_LATE)

    @property
    def usable(self) -> bool:
        """Whether it takes an event."""
        return self.up

    @property
    def up(self) -> bool:
        """Whether its INIT succeeded and a worker is left."""
        return super().up and not self._runtime.exited.done() and not all(gone.done() for gone in self._seen)

    async def start(self) -> None:
        """Run INIT until a worker asks for an event; what fails it is every waiting event's answer."""
        self._prepare()
        self._life.move(State.INITIALISING)
        try:
            self._failure = await self._initialise(InitPhase.INIT, self.spec.init_timeout)
        except asyncio.CancelledError:
            await self.end(grace=0)
            raise
        if self._failure is not None:
            await self.end(grace=0)

    async def run(self, invocation: Invocation, trace: Trace) -> InvokeResult:
        """Give a worker one event and return its outcome.

        Args:
            invocation: The event.
            trace: Its place in a trace.

        """
        running = Running(invocation, trace, self.spec)
        self._met(running, anew=False)
        self._events[invocation.request_id] = running
        try:
            self._running = running  # whose lines the platform's are, as long as nothing is awaited
            self._log.start(invocation.request_id, trace)
            self._running = None
            self._sink(InvocationStarted(self.number, invocation.request_id))
            failure = self._failure
            if failure is None:
                self._undelivered_events.append(running)
                self._deliver()
                await self._over(running)
                failure = self._outcome(running)
        finally:
            del self._events[invocation.request_id]
            if not running.settled:
                self._given_up.append(invocation.request_id)
        self._running = running
        try:
            return self._concluded(running, failure)
        finally:
            self._running = None

    def begin(self, invocation: Invocation, trace: Trace, caller: Caller) -> bool:  # noqa: ARG002
        """Begin nothing: events run side by side here, and each waits in `run`."""
        return False

    # The Runtime API's side.

    def next_event(self, gone: asyncio.Future[None]) -> Answer | Later:
        """Have a worker wait for its next event; the first to do so ends INIT."""
        if self._life.state is State.INITIALISING and not self._initialised.done():
            self._life.move(State.READY)
            self._initialised.set_result(None)
        asked = Later()
        self._seen.add(gone)
        self._workers.append((asked, gone))
        self._deliver()
        return asked

    def respond(self, request_id: str, payload: bytes) -> None:
        """Take the answer of an event."""
        if request_id in self._given_up:
            return
        try:
            super().respond(request_id, payload)
        finally:
            self._answered(request_id)

    def stream(self, request_id: str, content_type: str | None, source: Source) -> Intake | None:
        """Have the answer of an event handed on while it comes, if whoever invoked wants that."""
        return Dropped() if request_id in self._given_up else super().stream(request_id, content_type, source)

    def fail(self, request_id: str, payload: bytes) -> None:
        """Take the error of an event."""
        if request_id in self._given_up:
            return
        super().fail(request_id, payload)
        self._answered(request_id)

    def _expect(self, request_id: str, verb: str) -> Running:
        running = self._events.get(request_id)
        if running is None:
            raise Refusal(400, "InvalidRequestID", "Invalid request ID")
        if running.answer is not None or running.streams:
            raise Refusal(403, "InvalidStateTransition", f"Event {request_id} has its {verb} already.")
        return running

    def _streamed(self, running: Running) -> None:
        self._answered(running.invocation.request_id)

    def _answered(self, request_id: str) -> None:
        running = self._events.get(request_id)
        if running is not None and running.answer is not None:
            self._runtime.drain()
            running.settle()

    def _deliver(self) -> None:
        """Hand events to workers, as long as there are both."""
        while self._undelivered_events and self._workers:
            asked, gone = self._workers.popleft()
            if asked.done:  # its worker is gone
                continue
            running = self._undelivered_events.popleft()
            if running.over:
                self._workers.appendleft((asked, gone))
                continue
            gone.add_done_callback(running.end)
            running.worker = gone
            asked.give(running.for_runtime())

    async def _over(self, running: Running) -> None:
        timer = asyncio.get_running_loop().call_later(running.left_s, running.end)
        self._runtime.exited.add_done_callback(running.end)
        try:
            await running.being_over
        finally:
            timer.cancel()
            self._runtime.exited.remove_done_callback(running.end)

    def _outcome(self, running: Running) -> Failure | None:
        lost = running.worker is not None and running.worker.done() and running.answer is None
        failure = super()._outcome(running)
        if lost and not self._runtime.exited.done():
            # The parent of the workers alone knows how it ended, and tells nobody.
            return Failure(failures.exited(running.invocation.request_id, 1), Status.ERROR)
        return failure

    def _settle(self) -> None:
        """Go on without being frozen: other events may be running."""

    def _emit_line(self, text: str) -> None:
        """Tell a line, of the event that it names: the workers write side by side."""
        fields: Any = as_object(text)
        named = fields.get("requestId") or fields.get("function_request_id") if fields is not None else None
        running = self._events.get(named) if isinstance(named, str) else None
        if running is None and len(self._events) == 1:
            running = next(iter(self._events.values()))
        if running is not None:
            running.remember(text)
        self._tell_line(text, fields, running)
