"""One execution environment: INIT once, then one event at a time, frozen in between; `states` shows its life.

What outlives a runtime process that failed is here (the number, the log stream, the state); what does not is in
`process`. Every call of the Runtime API that the state forbids is refused, as Lambda refuses it.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastlambda_cli.local import failures
from fastlambda_cli.local.alarm import Alarm
from fastlambda_cli.local.function.answers import Answer, Later, Refusal
from fastlambda_cli.local.function.files import Files
from fastlambda_cli.local.function.logs import as_object, is_emf
from fastlambda_cli.local.function.outcomes import report_of, result_of
from fastlambda_cli.local.function.own_files import OwnFiles
from fastlambda_cli.local.function.platform_log import InitPhase, PlatformLog
from fastlambda_cli.local.function.process import RuntimeProcess
from fastlambda_cli.local.function.running import Caller, Failure, Running
from fastlambda_cli.local.function.spec import PROVISIONED, FunctionSpec
from fastlambda_cli.local.function.states import Lifecycle, State, illegal
from fastlambda_cli.local.function.streams import Intake, handed_on, rest_of
from fastlambda_cli.local.function.temporary import TemporaryFolder
from fastlambda_cli.local.model import (
    InitEnded,
    InitStarted,
    Invocation,
    InvocationStarted,
    InvokeResult,
    LogLine,
    MetricRecord,
    Notice,
    PlatformLine,
    Sink,
    Status,
    Trace,
)
from fastlambda_cli.local.processes import ProcessRegistry
from fastlambda_cli.local.streaming import Source

_EXTENSIONS_WITHIN_S = 0.1  # are waited for all the same: an answer whose log is whole is worth as much
SHUTDOWN_GRACE = 0.5
"""Seconds between SIGTERM and SIGKILL of a runtime with an internal extension; without one there is no SIGTERM.

AWS Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle", "Shutdown phase".
"""


class ExecutionEnvironment:
    """A process of the runtime client and everything around it.

    Args:
        spec: The version it runs.
        number: Its name for people.
        registry: Who starts its process and remembers it.
        sink: Who is told what happens.

    """

    def __init__(self, spec: FunctionSpec, number: int, registry: ProcessRegistry, sink: Sink) -> None:
        self.spec = spec
        self.number = number
        self._life = Lifecycle()
        self._log_stream = spec.new_log_stream()
        self._registry = registry
        self._sink = sink
        self._files: Files = OwnFiles(spec) if spec.own_files else TemporaryFolder(spec, registry, sink)
        self._log = PlatformLog(spec, self._write)
        self._runtime: RuntimeProcess
        self._initialised: asyncio.Future[Failure | None]
        self._asked: Later | None = None
        self._undelivered: Answer | None = None
        self._running: Running | None = None
        self._deadline = Alarm(self._late)
        self._not_written_up: tuple[Caller, Running, InvokeResult] | None = None
        self._init_ms: float | None = None
        self._failing: asyncio.Task[None] | None = None

    @property
    def usable(self) -> bool:
        """Whether it takes an event: it is up, or it is broken and would be initialised again inside the event."""
        return self._life.state is State.READY or self._life.state is State.BROKEN

    @property
    def _initialising(self) -> bool:
        return self._life.state is State.INITIALISING or self._life.state is State.REINITIALISING

    @property
    def up(self) -> bool:
        """Whether INIT succeeded, and an event would start at once."""
        return self._life.state is State.READY

    async def start(self) -> None:
        """Run INIT to its end and freeze, or be BROKEN; cancelled, it ends the process and tells nobody."""
        self._life.move(State.INITIALISING)
        try:
            failure = await self._initialise(InitPhase.INIT, self.spec.init_timeout)
        except asyncio.CancelledError:
            await self.end(grace=0)
            raise
        if failure is not None:
            await self._broken()

    async def run(self, invocation: Invocation, trace: Trace) -> InvokeResult:
        """Give the environment one event and return its outcome; afterwards it is READY again, or BROKEN.

        A broken environment is initialised again first, in the event's own time.

        Args:
            invocation: The event.
            trace: Its place in a trace.

        """
        self.write_up()
        running = Running(invocation, trace, self.spec)
        try:
            failure = await self._begin(running)
            if failure is None:
                await self._over(running)
                if running.streams is not None and self._runtime.exited.done():
                    await rest_of(running.streams)
                failure = self._outcome(running)
            return self._concluded(running, failure)
        finally:
            self._running = None
            if not running.settled:
                await self._broken()

    def begin(self, invocation: Invocation, trace: Trace, caller: Caller) -> bool:
        """Give the environment one event, and do without a task what `run` does.

        Args:
            invocation: The event.
            trace: Its place in a trace.
            caller: Is told its outcome.

        Returns:
            Whether the event runs; else nothing was done, and `run` has to wait for something first.

        """
        if not self.up or self._runtime.exited.done() or self._runtime.extensions:
            return False
        running = self._running = Running(invocation, trace, self.spec, functools.partial(self._ended, caller))
        self._met(running, anew=False)
        self._life.move(State.RUNNING)
        self._hand_over(running)
        self._deadline.set(running.left_s)
        self._runtime.exited.add_done_callback(running.end)
        return True

    async def end(self, grace: float = SHUTDOWN_GRACE) -> None:
        """End the process; a runtime with an extension is told so by SIGTERM, and has `grace` seconds."""
        before = self._life.state
        if before is State.ENDED:
            return
        self._life.move(State.ENDED)
        self.write_up()
        self._deadline.end()
        if before is not State.NEW:
            await self._runtime.end(grace if self._runtime.extensions else 0)
        if self._failing is not None:
            await asyncio.wait({self._failing})
        await self._files.delete()

    # The Runtime API's side: RuntimeState.

    def next_event(self, gone: asyncio.Future[None]) -> Answer | Later:  # noqa: ARG002 - its process tells
        """Finish INIT or the running event, freeze, and wait for the next."""
        running = self._running
        answered = running is not None and (running.answer is not None or running.streams is not None)
        initialising = self._initialising and not self._initialised.done()
        undelivered, self._undelivered = self._undelivered, None
        if undelivered is not None and self._life.state is State.RUNNING:  # whoever asked before hung up
            return undelivered
        if not (initialising or self._life.state is State.READY or (self._life.state is State.RUNNING and answered)):
            raise illegal("next", self._life.state)
        self._asked = asked = Later()
        self._settle()
        return asked

    def respond(self, request_id: str, payload: bytes) -> None:
        """Take the answer of the running event."""
        running = self._expect(request_id, "response")
        self._measure_soon(running)
        if len(payload) > failures.MAX_RESPONSE:
            running.take(failures.response_too_large(), failed=True)
            raise Refusal(
                413,
                "RequestEntityTooLarge",
                f"Exceeded maximum allowed payload size ({failures.MAX_RESPONSE} bytes).",
            )
        running.take(payload)

    def stream(self, request_id: str, content_type: str | None, source: Source) -> Intake | None:
        """Have the answer of the running event handed on while it comes, if whoever invoked wants that."""
        running = self._expect(request_id, "response")
        return handed_on(running, self.spec.version, content_type, source, self._streamed)

    def fail(self, request_id: str, payload: bytes) -> None:
        """Take the error of the running event."""
        running = self._expect(request_id, "error")
        self._measure_soon(running)
        running.take(payload, failed=True)

    def fail_init(self, payload: bytes) -> None:
        """Take the error that ends INIT."""
        if not self._initialising or self._initialised.done():
            raise illegal("init/error", self._life.state)
        self._initialised.set_result(Failure(payload, Status.ERROR))

    def about(self) -> Mapping[str, str]:
        """What an extension is told of the function when it registers."""
        return {
            "functionName": self.spec.name,
            "functionVersion": self.spec.version,
            "handler": self.spec.handler,
        }

    def _streamed(self, running: Running) -> None:
        """Go on, if the runtime waits for the next event already: it may have sent the end of the answer later."""
        self._measure_soon(running)
        self._settle()

    def _measure_soon(self, running: Running) -> None:
        """Look at the memory while the runtime is busy with asking for its next event."""
        if running.awaited:
            asyncio.get_running_loop().call_soon(self._runtime.measure)

    def _expect(self, request_id: str, verb: str) -> Running:
        running = self._running
        if self._life.state is not State.RUNNING or running is None or running.answer is not None or running.streams:
            raise illegal(verb, self._life.state)
        if running.invocation.request_id != request_id:
            raise Refusal(400, "InvalidRequestID", "Invalid request ID")
        return running

    def _settle(self) -> None:
        """Go on when the runtime and every extension wait for their next event."""
        if self._asked is None or self._asked.done or not self._runtime.extensions.idle:
            return
        if self._life.state is State.READY:
            self._runtime.freeze()
        elif self._life.state is State.RUNNING and self._running is not None and self._running.answer is not None:
            if self._running.awaited:
                self._ready()
            self._running.settle()
        elif self._life.state is State.INITIALISING and not self._initialised.done():
            self._life.move(State.READY)
            self._runtime.freeze()
            self._initialised.set_result(None)
        elif self._life.state is State.REINITIALISING and not self._initialised.done():
            self._life.move(State.RUNNING)
            self._initialised.set_result(None)

    def _ready(self) -> None:
        """Be done with an event: what was written until now is its own."""
        self._runtime.drain()
        self._life.move(State.READY)
        self._runtime.freeze()

    # INIT.

    async def _initialise(self, phase: InitPhase, limit: float) -> Failure | None:
        """Start a runtime and wait until it is up; return why it is not."""
        began = time.perf_counter()
        self._initialised = asyncio.get_running_loop().create_future()
        self._asked = self._undelivered = None
        self._runtime = RuntimeProcess(
            self.spec, self._log_stream, self._files, self._registry, self, self._emit_line, self._tell_memory
        )
        self._runtime.rests = self.write_up
        self._runtime.extensions.waits = self._settle
        spec = self.spec
        started = InitStarted(self.number, spec.runtime, spec.name, spec.version, spec.log_group_name, self._log_stream)
        self._sink(started)
        if phase is InitPhase.INIT:
            self._log.init_start(phase)
        try:
            await self._runtime.start()
        except OSError as problem:
            self._initialised.set_result(Failure(failures.not_started(str(problem)), Status.ERROR))
        ends = self._initialised, self._runtime.exited
        await asyncio.wait(ends, timeout=max(limit, 0.0), return_when=asyncio.FIRST_COMPLETED)
        failure = self._init_outcome()
        self._runtime.extensions.open = False
        elapsed_ms = (time.perf_counter() - began) * 1000
        self._runtime.drain()
        self._runtime.measure()
        status = Status.SUCCESS if failure is None else failure.status
        error = None if failure is None else as_object(failure.payload.decode(errors="replace"))
        kind = None if failure is None else failures.error_type(failure.payload)
        request_id = None if self._running is None else self._running.invocation.request_id
        self._log.init_end(phase, elapsed_ms, status, kind, request_id)
        self._sink(InitEnded(self.number, elapsed_ms, status, error, spec.name))
        pays = phase is InitPhase.INIT and spec.initialization_type != PROVISIONED
        self._init_ms = elapsed_ms if failure is None and pays else None
        return failure

    def _init_outcome(self) -> Failure | None:
        request_id = "" if self._running is None else self._running.invocation.request_id
        if self._initialised.done():
            return self._initialised.result()
        if self._runtime.exited.done():
            failure = Failure(failures.exited(request_id, self._runtime.exited.result()), Status.ERROR)
        else:
            limit = self.spec.init_timeout if self._running is None else self.spec.timeout
            failure = Failure(failures.timed_out(request_id, limit), Status.TIMEOUT)
        self._initialised.set_result(failure)
        return failure

    # One event.

    async def _begin(self, running: Running) -> Failure | None:
        """Hand the event to the runtime; return why the runtime that had to be started for it did not come up."""
        self._running = running
        failure = None
        if self._life.state is State.READY and self._runtime.exited.done():
            self._life.move(State.BROKEN)  # it died while it was frozen
        self._met(running, anew=self._life.state is State.BROKEN)
        if self._life.state is State.BROKEN:
            await self._runtime.end(grace=0)  # what the last runtime started ends before the next one is there
            self._life.move(State.REINITIALISING)
            failure = await self._initialise(InitPhase.INVOKE, running.left_s)
        else:
            self._life.move(State.RUNNING)
        if failure is None:
            self._hand_over(running)
        else:
            self._started(running)
        return failure

    def _met(self, running: Running, *, anew: bool) -> None:
        """Let an event pay for the INIT before it, if it is the first one; `anew` there is another, inside of it."""
        running.cold = anew or self._init_ms is not None
        running.init_ms, self._init_ms = None if anew else self._init_ms, None

    def _hand_over(self, running: Running) -> None:
        self._runtime.thaw()
        if self._runtime.extensions:
            self._runtime.extensions.invoke(running.for_extensions())
        if self._asked is not None and not self._asked.done:
            self._asked.give(running.for_runtime())
        else:
            self._undelivered = running.for_runtime()
        # The function runs already; what it writes is read later.
        self.write_up()
        self._started(running)

    def _started(self, running: Running) -> None:
        self._log.start(running.invocation.request_id, running.trace)
        self._sink(InvocationStarted(self.number, running.invocation.request_id))

    async def _over(self, running: Running) -> None:
        """Wait until the runtime is done with an event, has ended, or has taken too long."""
        self._deadline.set(running.left_s)
        self._runtime.exited.add_done_callback(running.end)
        try:
            if self._runtime.extensions and running.invocation.early is not None:
                await self._tell(running, running.invocation.early)
            await running.being_over
        finally:
            self._deadline.clear()
            self._runtime.exited.remove_done_callback(running.end)

    async def _tell(self, running: Running, early: Callable[[InvokeResult], Awaitable[None]]) -> None:
        """Give the caller the answer, who does not wait for extensions.

        AWS Compute Blog, "Getting started with using your favorite operational tools on AWS Lambda - extensions are now
        generally available": the response is sent when the function is done, not when all extensions are.
        """
        await running.being_answered
        await asyncio.wait({running.being_over}, timeout=_EXTENSIONS_WITHIN_S)
        if running.answer is not None and not running.over:
            await early(result_of(running, self.spec, running.answer, failed=running.failed))

    def _ended(self, caller: Caller, running: Running) -> None:
        """Conclude an event that nobody awaits; its caller comes first."""
        self._deadline.clear()
        self._runtime.exited.remove_done_callback(running.end)
        if not running.settled:
            self._failing = asyncio.create_task(self._failed(caller, running))
            return
        result = result_of(running, self.spec, running.answer or b"", failed=running.failed)
        caller.told(result)
        self._ready()
        self._running = None
        self._not_written_up = caller, running, result
        caller.over(self.write_up)

    def write_up(self) -> None:
        """Log the event that is over, if the platform has not done so yet.

        It does so when the environment is frozen, or the next event has been handed over: the caller and the function
        have better things to wait for.
        """
        if self._not_written_up is None:
            return
        (caller, running, result), self._not_written_up = self._not_written_up, None
        try:
            self._runtime.measure(running.elapsed_ms / 1000)
            self._report(running, result.payload, Status.ERROR if running.failed else Status.SUCCESS)
        except Exception as problem:  # noqa: BLE001 - it is not for the next event, which may have begun, to fail of it
            told = {"message": "An event could not be logged", "exception": problem}
            asyncio.get_running_loop().call_exception_handler(told)
        finally:
            caller.logged(result)

    async def _failed(self, caller: Caller, running: Running) -> None:
        result = self._concluded(running, self._outcome(running))
        self._running = None
        await self._broken()
        caller.told(result)
        caller.over(self.write_up)
        caller.logged(result)

    def _late(self) -> None:
        if self._running is not None:
            self._running.end()

    def _outcome(self, running: Running) -> Failure | None:
        """Why the event failed without an answer; None when there is an answer, be it an error of the function's."""
        if self._runtime.exited.done():
            self._runtime.drain()
        if running.answer is not None and not (running.truncated and self._runtime.exited.done()):
            return None
        self._runtime.measure()
        request_id = running.invocation.request_id
        if self._runtime.exited.done():
            return Failure(failures.exited(request_id, self._runtime.exited.result()), Status.ERROR)
        return Failure(failures.timed_out(request_id, self.spec.timeout), Status.TIMEOUT)

    def _concluded(self, running: Running, failure: Failure | None) -> InvokeResult:
        """Turn what happened into the answer of Invoke and the REPORT line."""
        if failure is not None:
            payload, failed, status = failure.payload, True, failure.status
        else:
            payload, failed = running.answer or b"", running.failed
            status = Status.ERROR if failed else Status.SUCCESS
        self._report(running, payload, status)
        return result_of(running, self.spec, payload, failed=failed)

    def _report(self, running: Running, payload: bytes, status: Status) -> None:
        report = report_of(running, self.spec, self.number, payload, status, self._runtime.peak_memory_mb)
        self._log.end(report, running.trace, running.streamed_bytes or len(payload))
        self._sink(report)

    async def _broken(self) -> None:
        """End what is left of the runtime; the environment stays, for the next event to initialise again."""
        if self._life.state is not State.ENDED:
            self._life.move(State.BROKEN)
        await self._runtime.end(grace=0)

    # The output.

    def _tell_memory(self) -> None:
        """Say what Lambda leaves to be guessed: its log and its answer only have that the runtime was killed."""
        text = (
            f"{self.spec.name} used more memory than its {self.spec.memory_mb} MB, and was killed for it as on Lambda"
        )
        self._sink(Notice(text, warning=True))

    def _emit_line(self, text: str) -> None:
        running = self._running if self._life.state is State.RUNNING else None
        if self._running is not None:
            self._running.remember(text)
        self._tell_line(text, as_object(text), running)

    def _tell_line(self, text: str, fields: Any, running: Running | None) -> None:
        request_id = running.invocation.request_id if running else None
        if fields is not None and is_emf(fields):
            self._sink(MetricRecord(self.number, request_id, fields, text))
        else:
            self._sink(LogLine(self.number, request_id, text, fields))

    def _write(self, line: str, request_id: str | None) -> None:
        """Write a line of the platform's own into the function's log."""
        if self._running is not None and request_id == self._running.invocation.request_id:
            self._running.remember(line)
        self._sink(PlatformLine(self.number, request_id, line))
