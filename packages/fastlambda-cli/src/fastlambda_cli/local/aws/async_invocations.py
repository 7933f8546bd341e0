"""Events that nobody waits for: run in the background, tried again as Lambda tries them again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from fastlambda_cli.local.aws.model import RetryPolicy
from fastlambda_cli.local.model import Invocation, Invoke, InvokeResult, Notice, RefusedError, Sink, ThrottledError


@dataclass(frozen=True, slots=True)
class Limits:
    """What a function says about its events: its EventInvokeConfig and its reserved concurrency.

    Attributes:
        retries: How often an event is tried again after an error; None for as often as the policy says.
        age_s: Seconds after which an event is dropped; None for as long as the policy says.
        stopped: Whether nothing of the function runs, because its reserved concurrency is zero.

    """

    retries: int | None = None
    age_s: float | None = None
    stopped: bool = False


class Condition(StrEnum):
    """How an event ended, in the words of its record."""

    SUCCESS = "Success"
    RETRIES = "RetriesExhausted"
    AGE = "EventAgeExceeded"
    STOPPED = "ZeroReservedConcurrency"


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of an event.

    Attributes:
        invocation: The event.
        invocations: How often the function was invoked with it.
        result: The function's last answer; None when it was never invoked.

    """

    invocation: Invocation
    condition: Condition
    invocations: int
    result: InvokeResult | None


class Aftermath(Protocol):
    """What a function's configuration says about its events."""

    async def limits(self) -> Limits:
        """How often, and for how long, an event is tried."""

    async def ended(self, ending: Ending) -> bool:
        """Take the end of an event; return whether a failed one is kept somewhere."""


class Forgotten:
    """An aftermath of nothing: the policy's limits hold, and no end is recorded."""

    async def limits(self) -> Limits:
        """No limits of its own."""
        return Limits()

    async def ended(self, ending: Ending) -> bool:  # noqa: ARG002
        """Keep nothing."""
        return False


class AsyncInvocations:
    """The events that were accepted and have not ended.

    Args:
        sink: Told of every event that is dropped.
        policy: When to try again.

    """

    def __init__(self, sink: Sink, policy: RetryPolicy) -> None:
        self._sink = sink
        self._policy = policy
        self._running: set[asyncio.Task[None]] = set()

    def accept(self, invoke: Invoke, invocation: Invocation, aftermath: Aftermath | None = None) -> None:
        """Run an event in the background.

        Args:
            invoke: Runs it.
            invocation: The event.
            aftermath: Says what becomes of it in the end; by default nothing.

        """
        running = self._run(invoke, invocation, aftermath or Forgotten())
        task = asyncio.create_task(running, name=f"event {invocation.request_id}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """Drop what has not ended, and say how much that was."""
        pending = set(self._running)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        if dropped := sum(task.cancelled() for task in pending):
            self._sink(Notice(f"{dropped} asynchronous invocation(s) were dropped at the end", warning=True))

    async def _run(self, invoke: Invoke, invocation: Invocation, aftermath: Aftermath) -> None:
        try:
            ending, why = await self._ended(invoke, invocation, await aftermath.limits())
            kept = await aftermath.ended(ending)
            if ending.condition is not Condition.SUCCESS and not kept:
                self._drop(invocation, why)
        except RefusedError as problem:
            self._drop(invocation, str(problem))
        except Exception as problem:
            self._drop(invocation, f"the local Lambda failed: {problem}")
            raise

    async def _ended(self, invoke: Invoke, invocation: Invocation, limits: Limits) -> tuple[Ending, str]:
        """Run an event to its end; return that, and the failure in words."""
        if limits.stopped:
            ending = Ending(invocation, Condition.STOPPED, 0, None)
            return ending, "the function's reserved concurrency is zero"
        now = asyncio.get_running_loop().time
        expires = now() + (limits.age_s or self._policy.age_limit_s)
        pauses = list(self._policy.after_error_s)[: limits.retries]
        last: InvokeResult | None = None
        for invocations in range(len(pauses) + 1):
            result = await self._admitted(invoke, invocation, expires)
            if result is None:
                ending = Ending(invocation, Condition.AGE, invocations, last)
                return ending, "it grew too old while the function was throttled"
            last = result
            if result.function_error is None:
                return Ending(invocation, Condition.SUCCESS, invocations + 1, result), ""
            if invocations < len(pauses):
                if now() + pauses[invocations] > expires:
                    ending = Ending(invocation, Condition.AGE, invocations + 1, result)
                    return ending, "it would have been too old for another attempt"
                await asyncio.sleep(pauses[invocations])
        count = len(pauses) + 1
        ending = Ending(invocation, Condition.RETRIES, count, last)
        return ending, f"the function failed on it {'once' if count == 1 else f'{count} times'}"

    async def _admitted(self, invoke: Invoke, invocation: Invocation, expires: float) -> InvokeResult | None:
        """Invoke once the function is not throttled; None when the event grows too old first."""
        now = asyncio.get_running_loop().time
        pause = self._policy.throttle_first_s
        while True:
            try:
                return await invoke(invocation)
            except ThrottledError:
                if now() + pause > expires:
                    return None
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._policy.throttle_longest_s)

    def _drop(self, invocation: Invocation, why: str) -> None:
        self._sink(Notice(f"Asynchronous invocation {invocation.request_id} was dropped: {why}", warning=True))
