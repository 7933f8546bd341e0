"""One execution environment: INIT once, then one event at a time, frozen in between.

    STARTING --/next--> IDLE --event--> BUSY --answer, /next--> IDLE
        |                 |               |
        `-----------------+---------------+--error, exit, timeout, end--> ENDED

Every other move is refused, as the Lambda Runtime API refuses it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
import time
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from fastlambda_cli.local import failures
from fastlambda_cli.local.function.logs import Frames, Lines, LogPipe, as_object, is_emf
from fastlambda_cli.local.function.memory import peak_memory_mb
from fastlambda_cli.local.function.runtime_api import Event, Refusal, RuntimeApi
from fastlambda_cli.local.function.spec import FunctionSpec
from fastlambda_cli.local.model import (
    InitEnded,
    InitStarted,
    Invocation,
    InvocationReported,
    InvocationStarted,
    InvokeResult,
    LogLine,
    MetricRecord,
    PlatformLine,
    Sink,
    Status,
    Trace,
)
from fastlambda_cli.local.processes import ProcessRegistry, signal_group

SHUTDOWN_GRACE = 0.5
"""Seconds between SIGTERM and SIGKILL (Lambda grants them when an internal extension is registered)."""

LOG_TAIL = 4096
"""Bytes of log that Invoke returns with LogType=Tail (Lambda API Reference, "Invoke")."""


class Phase(Enum):
    """Where in its life an environment is."""

    STARTING = auto()
    IDLE = auto()
    BUSY = auto()
    ENDED = auto()


class InitError(Exception):
    """INIT failed; `payload` is what Invoke answers, and the environment has ended."""

    def __init__(self, payload: bytes, status: Status) -> None:
        super().__init__(payload.decode(errors="replace"))
        self.payload = payload
        self.status = status


@dataclass(slots=True)
class _Running:
    """The one event in the environment."""

    invocation: Invocation
    began: float
    done: asyncio.Future[None]
    trace: Trace
    answer: bytes | None = None
    failed: bool = False
    tail: bytes = b""


class ExecutionEnvironment:
    """A process of the runtime client and everything around it.

    Args:
        spec: The version it runs.
        number: Its name for people.
        registry: Who starts its process and remembers it.
        sink: Who is told what happens.

    """

    def __init__(self, spec: FunctionSpec, number: int, registry: ProcessRegistry, sink: Sink) -> None:
        loop = asyncio.get_running_loop()
        self.spec = spec
        self.number = number
        self.phase = Phase.STARTING
        self._log_stream = spec.new_log_stream()
        self._registry = registry
        self._sink = sink
        self._api = RuntimeApi(self)
        self._pipes: list[LogPipe] = []
        self._process: asyncio.subprocess.Process | None = None
        self._initialised: asyncio.Future[None] = loop.create_future()
        self._exited: asyncio.Future[int] = loop.create_future()
        self._events: asyncio.Queue[Event] = asyncio.Queue(maxsize=1)
        self._running: _Running | None = None
        self._init_ms: float | None = None
        self._peak_memory_mb = 0
        self._watcher: asyncio.Task[None] | None = None

    async def start(self, within: float | None = None) -> None:
        """Run INIT to its end and freeze; cancelled, it ends the process and tells nobody.

        Args:
            within: Seconds INIT may take; Lambda's ten by default.

        Raises:
            InitError: The code did not load, raised, exited or took too long.

        """
        try:
            await self._initialise(self.spec.init_timeout if within is None else within)
        except asyncio.CancelledError:
            await self.end(grace=0)
            raise

    async def run(self, invocation: Invocation, trace: Trace) -> InvokeResult:
        """Give the environment one event and return its outcome; afterwards it is IDLE again, or ENDED.

        Args:
            invocation: The event.
            trace: Its place in a trace.

        """
        if self.phase is not Phase.IDLE:
            raise RuntimeError(f"environment {self.number} is {self.phase.name}, not IDLE")
        running = _Running(invocation, time.perf_counter(), asyncio.get_running_loop().create_future(), trace)
        self.phase, self._running = Phase.BUSY, running
        self._write(f"START RequestId: {invocation.request_id} Version: {self.spec.version}")
        self._sink(InvocationStarted(self.number, invocation.request_id))
        self._signal(signal.SIGCONT)
        self._events.put_nowait(self._event(invocation, trace.header))
        try:
            await _first_of(running.done, self._exited, within=self.spec.timeout)
            return await self._conclude(running)
        finally:
            self._running = None
            if not running.done.done():
                await self.end(grace=0)

    async def end(self, grace: float = SHUTDOWN_GRACE) -> None:
        """End the process: SIGTERM, then SIGKILL to its whole group after `grace` seconds."""
        self.phase = Phase.ENDED
        if self._process is not None and not self._exited.done():
            self._signal(signal.SIGCONT)
            if grace:
                # It may have died this very moment: asyncio knows that a step before our watcher does.
                with contextlib.suppress(ProcessLookupError):
                    self._process.send_signal(signal.SIGTERM)
                await asyncio.wait({self._exited}, timeout=grace)
        self._signal(signal.SIGKILL)
        if self._watcher is not None:
            await self._watcher
        await self._api.close()

    # The Runtime API's side: RuntimeState.

    async def next_event(self) -> Event:
        """Finish INIT or the running event, freeze, and wait for the next."""
        if self.phase is Phase.STARTING and not self._initialised.done():
            self.phase = Phase.IDLE
            self._initialised.set_result(None)
        elif self.phase is Phase.BUSY and self._running is not None and self._running.answer is not None:
            self._drain()
            self.phase = Phase.IDLE
            self._running.done.set_result(None)
        elif self.phase is not Phase.IDLE:
            raise _illegal("next", self.phase)
        self._signal(signal.SIGSTOP)
        return await self._events.get()

    def respond(self, request_id: str, payload: bytes) -> None:
        """Take the answer of the running event."""
        running = self._expect(request_id, "response")
        if len(payload) > failures.MAX_RESPONSE:
            running.answer, running.failed = failures.response_too_large(), True
            raise Refusal(
                413,
                "RequestEntityTooLarge",
                f"Exceeded maximum allowed payload size ({failures.MAX_RESPONSE} bytes).",
            )
        running.answer = payload

    def fail(self, request_id: str, payload: bytes) -> None:
        """Take the error of the running event."""
        running = self._expect(request_id, "error")
        running.answer, running.failed = payload, True

    def fail_init(self, payload: bytes) -> None:
        """Take the error that ends INIT."""
        if self.phase is not Phase.STARTING or self._initialised.done():
            raise _illegal("init/error", self.phase)
        self._initialised.set_exception(InitError(payload, Status.ERROR))

    def _expect(self, request_id: str, verb: str) -> _Running:
        running = self._running
        if self.phase is not Phase.BUSY or running is None or running.answer is not None:
            raise _illegal(verb, self.phase)
        if running.invocation.request_id != request_id:
            raise Refusal(400, "InvalidRequestID", "Invalid request ID")
        return running

    # The process.

    async def _initialise(self, limit: float) -> None:
        began = time.perf_counter()
        self._sink(
            InitStarted(
                self.number,
                self.spec.runtime,
                self.spec.name,
                self.spec.version,
                self.spec.log_group_name,
                self._log_stream,
            )
        )
        self._write(f"INIT_START Runtime Version: {self.spec.runtime}")
        try:
            await self._spawn()
        except OSError as problem:
            self._initialised.set_exception(InitError(failures.not_started(str(problem)), Status.ERROR))
        await _first_of(self._initialised, self._exited, within=limit)
        elapsed_ms = (time.perf_counter() - began) * 1000
        self._drain()
        failure = await self._init_failure(limit)
        if failure is not None:
            self._write(f"INIT_REPORT Init Duration: {elapsed_ms:.2f} ms\tPhase: init\tStatus: {failure.status}")
            self._sink(InitEnded(self.number, elapsed_ms, failure.status, as_object(str(failure))))
            raise failure
        self._init_ms = elapsed_ms
        self._measure_memory()
        self._sink(InitEnded(self.number, elapsed_ms, Status.SUCCESS))

    async def _spawn(self) -> None:
        await self._api.start()
        out, err, frames = (LogPipe(decoder, self._emit_line) for decoder in (Lines(), Lines(), Frames()))
        self._pipes = [out, err, frames]
        env = self.spec.environment(self._api.address, self._log_stream) | {
            "_LAMBDA_TELEMETRY_LOG_FD": str(frames.write_fd)
        }
        try:
            self._process = await self._registry.spawn(
                self.spec.command,
                env=env,
                cwd=self.spec.task_root,
                stdout=out.write_fd,
                stderr=err.write_fd,
                pass_fds=(frames.write_fd,),
            )
        finally:
            for pipe in self._pipes:
                pipe.handed_over()
                if self._process is None:
                    pipe.close()
        self._watcher = asyncio.create_task(self._watch(self._process))

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        return_code = await process.wait()
        # Whatever the function started goes with its runtime, as the whole sandbox does on Lambda.
        signal_group(process.pid, signal.SIGKILL)
        self._registry.forget(process.pid)
        for pipe in self._pipes:
            pipe.drain()
            pipe.close()
        self.phase = Phase.ENDED
        self._exited.set_result(return_code)

    async def _init_failure(self, limit: float) -> InitError | None:
        """Why INIT did not succeed, with the process ended; None when it did."""
        failure: InitError | None = None
        if self._initialised.done():
            error = self._initialised.exception()
            failure = error if isinstance(error, InitError) else None
        elif self._exited.done():
            failure = InitError(failures.exited("", self._exited.result()), Status.ERROR)
        else:
            failure = InitError(failures.timed_out("", limit), Status.TIMEOUT)
        if failure is not None:
            if not self._initialised.done():
                self._initialised.cancel()
            await self.end(grace=0)
        return failure

    async def _conclude(self, running: _Running) -> InvokeResult:
        """Turn what happened into the answer of Invoke and the REPORT line."""
        duration_ms = (time.perf_counter() - running.began) * 1000
        self._measure_memory()
        if self._exited.done():
            self._drain()
        status, request_id = Status.SUCCESS, running.invocation.request_id
        if running.answer is not None:
            payload, failed = running.answer, running.failed
        elif self._exited.done():
            payload, failed = failures.exited(request_id, self._exited.result()), True
        else:
            payload, failed, status = failures.timed_out(request_id, self.spec.timeout), True, Status.TIMEOUT
            await self.end(grace=0)
        if failed and status is Status.SUCCESS:
            status = Status.ERROR
        cold, self._init_ms = self._init_ms, None
        report = InvocationReported(
            environment=self.number,
            request_id=request_id,
            duration_ms=duration_ms,
            billed_ms=math.ceil(duration_ms + (cold or 0.0)),
            memory_size_mb=self.spec.memory_mb,
            max_memory_used_mb=self._peak_memory_mb,
            status=status,
            init_duration_ms=cold,
            error_type=failures.error_type(payload) if failed else None,
            trace_id=running.trace.root,
            source=running.invocation.source,
        )
        self._write(f"END RequestId: {request_id}")
        self._write(report.line())
        self._sink(report)
        return InvokeResult(
            payload=payload,
            request_id=request_id,
            function_error="Unhandled" if failed else None,
            log_tail=running.tail,
            executed_version=self.spec.version,
            cold=cold is not None,
        )

    def _event(self, invocation: Invocation, trace_header: str) -> Event:
        deadline = int((time.time() + self.spec.timeout) * 1000)
        headers = [
            ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(deadline)),
            ("Lambda-Runtime-Invoked-Function-Arn", invocation.invoked_arn or self.spec.arn),
            ("Lambda-Runtime-Trace-Id", trace_header),
        ]
        if invocation.client_context is not None:
            headers.append(("Lambda-Runtime-Client-Context", invocation.client_context))
        return Event(invocation.payload, tuple(headers))

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and not self._exited.done():
            signal_group(self._process.pid, number)

    def _measure_memory(self) -> None:
        """Note the peak so far; a process that has exited can no longer be asked."""
        if self._process is not None:
            self._peak_memory_mb = max(self._peak_memory_mb, peak_memory_mb(self._process.pid))

    # The output.

    def _drain(self) -> None:
        for pipe in self._pipes:
            pipe.drain()

    def _emit_line(self, text: str) -> None:
        request_id = self._running.invocation.request_id if self._running else None
        self._remember(text)
        fields: Any = as_object(text)
        if fields is not None and is_emf(fields):
            self._sink(MetricRecord(self.number, request_id, fields, text))
        else:
            self._sink(LogLine(self.number, request_id, text, fields))

    def _write(self, line: str) -> None:
        """Write a line of the platform's own into the function's log."""
        self._remember(line)
        self._sink(PlatformLine(self.number, self._running.invocation.request_id if self._running else None, line))

    def _remember(self, line: str) -> None:
        if self._running is not None:
            self._running.tail = (self._running.tail + line.encode() + b"\n")[-LOG_TAIL:]


async def _first_of(*futures: asyncio.Future[Any], within: float) -> None:
    await asyncio.wait(futures, timeout=within, return_when=asyncio.FIRST_COMPLETED)


def _illegal(call: str, phase: Phase) -> Refusal:
    return Refusal(403, "InvalidStateTransition", f"Transition from {phase.name} by {call} is not allowed.")
