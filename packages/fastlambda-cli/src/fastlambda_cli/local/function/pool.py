"""The function: as many execution environments as there are events at once, up to a limit."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from fastlambda_cli.local.function.environment import ExecutionEnvironment
from fastlambda_cli.local.function.logs import as_object
from fastlambda_cli.local.function.managed import ManagedEnvironment
from fastlambda_cli.local.function.running import Caller
from fastlambda_cli.local.function.spec import FunctionSpec
from fastlambda_cli.local.function.tracing import Sampler, Sampling, joined
from fastlambda_cli.local.model import (
    Invocation,
    InvocationTraced,
    InvokeResult,
    Sink,
    ThrottledError,
    ThrottleReason,
    Trace,
)
from fastlambda_cli.local.processes import ProcessRegistry


class _InUse:
    """An environment while it has an event that nobody awaits, between it and the caller."""

    __slots__ = ("_began_at", "_caller", "_ended_at", "_environment", "_function", "_invocation", "_trace", "told")

    def __init__(
        self,
        function: LambdaFunction,
        environment: ExecutionEnvironment,
        invocation: Invocation,
        trace: Trace,
        caller: Caller,
    ) -> None:
        self._function = function
        self._environment = environment
        self._invocation = invocation
        self._trace = trace
        self._caller = caller
        self.told = caller.told
        self._began_at = self._ended_at = time.time()

    def over(self, write_up: Callable[[], None]) -> None:
        self._ended_at = time.time()
        self._function.release(self._environment)
        self._caller.over(write_up)

    def logged(self, result: InvokeResult) -> None:
        times = self._began_at, self._ended_at
        self._function.traced(self._invocation, self._trace, result, self._environment.number, times)
        self._caller.logged(result)


class LambdaFunction:
    """Invokes one function on this machine.

    Args:
        spec: The version of the code that new environments run.
        registry: Who starts the processes.
        sink: Who is told what happens.
        concurrency: How many events may run at once, each in an environment of its own; one more is throttled.
        numbers: The next environments' names for people; shared by functions whose telemetry meets in one place.
        sampling: Decides which events are traced, where no caller did; by default as Lambda does.

    """

    def __init__(
        self,
        spec: FunctionSpec,
        *,
        registry: ProcessRegistry,
        sink: Sink,
        concurrency: int = 10,
        numbers: Iterator[int] | None = None,
        sampling: Sampling | None = None,
    ) -> None:
        self.spec = spec
        self._sampling = sampling or Sampler()
        self._registry = registry
        self._sink = sink
        self._concurrency = concurrency
        self._numbers = itertools.count(1) if numbers is None else numbers
        self._retired = False
        self._provisioned = spec.provisioned
        self._idle: list[ExecutionEnvironment] = []
        self._starting: list[tuple[ExecutionEnvironment, asyncio.Task[None]]] = []
        self._in_use: list[ExecutionEnvironment] = []  # once for every event in it
        self._background: set[asyncio.Task[Any]] = set()

    async def invoke(self, invocation: Invocation) -> InvokeResult:
        """Run one event, in a warm environment if one is free.

        Raises:
            ThrottledError: As many environments as allowed are busy.

        """
        trace = joined(invocation.trace_header, active=self.spec.tracing, sampling=self._sampling)
        environment = await self._acquire()
        began_at = time.time()
        try:
            result = await environment.run(invocation, trace)
        finally:
            self.release(environment)
        self.traced(invocation, trace, result, environment.number, (began_at, time.time()))
        return result

    def begin(self, invocation: Invocation, caller: Caller) -> bool:
        """Run one event without a task, where an environment is up that takes it at once.

        Args:
            invocation: The event.
            caller: Is told its outcome.

        Returns:
            Whether the event runs; else nothing was done, and `invoke` decides about it.

        """
        environment = self._idle[-1] if self._idle else None
        if environment is None or not self._has_room():
            return False
        trace = joined(invocation.trace_header, active=self.spec.tracing, sampling=self._sampling)
        if not environment.begin(invocation, trace, _InUse(self, environment, invocation, trace, caller)):
            return False
        self._idle.pop()
        self._in_use.append(environment)
        return True

    def warm(self) -> None:
        """Start an environment ahead of the first event, as Lambda may do; its failure is told to the sink."""
        if not self._starting and not self._idle:
            self._starting += [self._start()] * (self.spec.workers or 1)

    def provision(self, count: int) -> None:
        """Have this many environments initialised ahead of events, as far as the limit allows; start those that lack.

        Further events get environments on demand. Fewer than before end nothing: what nobody uses ends anyway.
        """
        starting = (environment for environment, _ in self._starting)
        everyone = (*self._idle, *self._in_use, *starting)
        present = sum(environment.spec is self._provisioned for environment in everyone)
        for _ in range(min(count, self._concurrency) - present):
            self._starting.append(self._start(self._provisioned))

    def replace(self, spec: FunctionSpec, concurrency: int | None = None, *, warm: bool = True) -> None:
        """Let every later event meet the new version; events that are running finish on the old one.

        Args:
            spec: The new version.
            concurrency: The new limit on environments; None keeps the old one.
            warm: Whether to start an environment of it ahead of the next event.

        """
        self.spec, self._provisioned = spec, spec.provisioned
        if concurrency is not None:
            self._concurrency = concurrency
        self._end_idle()
        self._abandon_starting()
        if warm:
            self.warm()

    def retire(self) -> None:
        """Let no environment outlive its event: the idle ones end now, the busy ones when they have answered."""
        self._retired = True
        self._end_idle()
        self._abandon_starting()

    @property
    def busy(self) -> bool:
        """Whether an event is running, or an environment is still ending."""
        return bool(self._in_use or self._background)

    async def close(self) -> None:
        """End every environment, the busy ones too."""
        self._abandon_starting()
        everyone = {*self._idle, *self._in_use}
        self._idle.clear()
        await asyncio.gather(*(environment.end() for environment in everyone))
        await asyncio.gather(*self._background, return_exceptions=True)

    def _has_room(self) -> bool:
        reserved = self.spec.reserved
        busy = len(self._in_use)
        return busy < self._concurrency and (reserved is None or busy < reserved)

    async def _acquire(self) -> ExecutionEnvironment:
        # Counted in events, as on Lambda: an environment that was started ahead is no reason to run one more.
        if self.spec.reserved is not None and len(self._in_use) >= self.spec.reserved:
            raise ThrottledError(ThrottleReason.RESERVED)
        if len(self._in_use) >= self._concurrency:
            raise ThrottledError(ThrottleReason.ACCOUNT)
        for lost in {each for each in self._idle if not each.usable}:
            self._idle = [each for each in self._idle if each is not lost]
            self._later(lost.end())
        if self._idle:
            environment = next((each for each in reversed(self._idle) if each.up), self._idle[-1])
            self._idle.remove(environment)
            self._in_use.append(environment)
            return environment
        if not self._starting:
            self._starting += [self._start()] * (self.spec.workers or 1)
        environment, started = self._starting.pop()
        self._in_use.append(environment)
        try:
            await (started if self.spec.workers is None else asyncio.shield(started))
        except BaseException:
            self._in_use.remove(environment)
            raise
        return environment

    def traced(
        self, invocation: Invocation, trace: Trace, result: InvokeResult, environment: int, times: tuple[float, float]
    ) -> None:
        """Tell of an invocation of which Lambda itself sends segments, and when it began and ended."""
        if not trace.recorded:
            return
        arn = self.spec.arn
        self._sink(
            InvocationTraced(
                trace=trace,
                request_id=invocation.request_id,
                function_arn=arn,
                invoked_arn=invocation.invoked_arn or arn,
                environment=environment,
                cold=result.cold,
                accepted_at=invocation.accepted_at,
                began_at=times[0],
                ended_at=times[1],
                error=as_object(result.payload.decode(errors="replace")) if result.function_error else None,
            )
        )

    def _end_idle(self) -> None:
        for environment in {*self._idle} - {*self._in_use}:
            self._later(environment.end())
        self._idle.clear()

    def _abandon_starting(self) -> None:
        """Stop every INIT that no event waits for, and end what has come up this moment."""
        for environment, started in self._starting:
            if environment in self._in_use:
                continue
            if started.done():  # and `_settled`, which the loop calls next, finds it among nobody's
                self._later(environment.end())
            else:
                started.cancel()
        self._starting.clear()

    def _start(self, spec: FunctionSpec | None = None) -> tuple[ExecutionEnvironment, asyncio.Task[None]]:
        kind = ExecutionEnvironment if self.spec.workers is None else ManagedEnvironment
        environment = kind(spec or self.spec, next(self._numbers), self._registry, self._sink)
        task = self._later(environment.start())
        task.add_done_callback(lambda done: self._settled(environment, done))
        return environment, task

    def _settled(self, environment: ExecutionEnvironment, task: asyncio.Task[None]) -> None:
        """Move an environment that nobody waits for from starting to idle, also when its INIT failed."""
        mine = [pair for pair in self._starting if pair[0] is environment]
        self._starting = [pair for pair in self._starting if pair[0] is not environment]
        if not task.cancelled() and task.exception() is None:
            self._idle += [environment for environment, _ in mine]

    def release(self, environment: ExecutionEnvironment) -> None:
        """Have an environment take its next event, or end it."""
        self._in_use.remove(environment)
        current = environment.spec is self.spec or environment.spec is self._provisioned
        if current and environment.usable and not self._retired:
            self._idle.append(environment)
        elif environment not in self._in_use:
            self._later(environment.end())

    def _later(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task
