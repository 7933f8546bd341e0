"""Events that nobody waits for: run in the background, tried again as Lambda tries them again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from fastlambda_cli.local.model import Invocation, Invoke, InvokeResult, Notice, RefusedError, Sink, ThrottledError


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long Lambda keeps trying: AWS Lambda Developer Guide, "How Lambda handles errors and retries".

    Attributes:
        after_error_s: The pauses before each retry of an event on which the function failed.
        throttle_first_s: The first pause while the function is throttled; it doubles.
        throttle_longest_s: The longest such pause.
        age_limit_s: An event older than this is dropped.

    """

    after_error_s: Sequence[float] = (60.0, 120.0)
    throttle_first_s: float = 1.0
    throttle_longest_s: float = 300.0
    age_limit_s: float = 6 * 3600.0


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

    def accept(self, invoke: Invoke, invocation: Invocation) -> None:
        """Run an event in the background."""
        task = asyncio.create_task(self._run(invoke, invocation), name=f"event {invocation.request_id}")
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

    async def _run(self, invoke: Invoke, invocation: Invocation) -> None:
        expires = asyncio.get_running_loop().time() + self._policy.age_limit_s
        try:
            for pause in (*self._policy.after_error_s, None):
                result = await self._admitted(invoke, invocation, expires)
                if result is None:
                    self._drop(invocation, "it grew too old while the function was throttled")
                    return
                if result.function_error is None:
                    return
                if pause is not None:
                    await asyncio.sleep(pause)
            self._drop(invocation, f"the function failed on it {len(self._policy.after_error_s) + 1} times")
        except RefusedError as problem:
            self._drop(invocation, str(problem))
        except Exception as problem:
            self._drop(invocation, f"the local Lambda failed: {problem}")
            raise

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
