"""A batch whose consumer needs no loop, nor any of its dependencies: threads take one message after the other."""

from __future__ import annotations

import asyncio
import time
from contextvars import Context
from typing import Any

from fastapi.concurrency import run_in_threadpool

from fastlambda.events.batch import TURN, Batch


class ThreadedBatch(Batch):
    """A batch that is handled in threads alone.

    A thread is begun for the first message and takes the next ones itself: to and fro between the loop and a thread
    costs more than most messages do. When it is not done within a turn, its messages may be such that wait, and all
    other threads that there may be are begun beside it.
    """

    def __init__(self, *batch: Any) -> None:
        super().__init__(*batch)
        # Messages that are being handled: whoever takes one out says what became of it.
        self._begun: dict[int, tuple[Context, float]] = {}

    async def _work(self, lane: list[int] | None) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - `_begin` has made it
        others = self._loop.call_later(TURN, self._begin_others)
        try:
            await run_in_threadpool(self._take, lane)
        except asyncio.CancelledError:
            pass  # a thread cannot be cancelled; it takes no other message
        except BaseException as fault:  # noqa: BLE001 - none of a message's, and it fails the invocation
            self._fault = fault
        finally:
            others.cancel()
            self._running.discard(task)
            if not self._running:
                self._end()

    def _give_up(self) -> None:
        for index in list(self._begun):
            if (begun := self._begun.pop(index, None)) is not None:
                context, started = begun
                # A copy: the thread is in the context itself.
                self._outcomes[index] = context.copy().run(self._attempts.fail, asyncio.CancelledError())
                self._attempts.latencies.append(time.perf_counter() - started)

    def _begin_others(self) -> None:
        while len(self._running) < self._concurrency and self._may_begin() and (lane := self._next_lane()):
            self._begin(lane)

    def _next_lane(self) -> list[int] | None:
        try:
            return self._lanes.popleft()
        except IndexError:  # there is no asking before: other threads take lanes, too
            return None

    def _take(self, lane: list[int] | None) -> None:
        """Handle messages in this thread until none is left, or the time is up."""
        while lane and self._may_begin():
            started, index = time.perf_counter(), lane.pop()
            context = self._context.copy()
            self._begun[index] = context, started
            error = context.run(self._attempts.attempt_in_thread, self._records[index])
            if self._begun.pop(index, None) is None:
                return
            self._outcomes[index] = None if error is None else context.run(self._attempts.fail, error)
            self._attempts.latencies.append(time.perf_counter() - started)
            if error is not None:
                self._skip(lane)
                lane = None
            lane = lane or self._next_lane()
