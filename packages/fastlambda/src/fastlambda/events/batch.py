"""A batch of SQS: its messages side by side, those of a FIFO group one after the other, and all of it in time.

Powertools Batch keeps the books and writes the report. Its own processors take the loop for themselves, start all
records at once, and know of no deadline; its FIFO processor takes no coroutines.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, SqsFifoPartialProcessor
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from fastlambda.errors import UnfinishedRecordError
from fastlambda.events.attempts import Waiting

if TYPE_CHECKING:
    from fastlambda.events.attempts import Attempts

_SKIPPED = SqsFifoPartialProcessor.group_circuit_breaker_exc[1]
_UNFINISHED = UnfinishedRecordError("The message was not handled in time")
# Seconds for which messages that wait for nothing may keep the loop from everything else that runs in it.
TURN = 0.001


class Batch:
    """The messages of one invocation.

    Args:
        records: The records of the event.
        attempts: Handles them.
        concurrency: Messages, or FIFO groups, that are handled side by side.
        processor: Keeps the books; one for all batches, as Powertools has it.

    """

    def __init__(
        self, records: Sequence[Mapping[str, Any]], attempts: Attempts, concurrency: int, processor: BatchProcessor
    ) -> None:
        self._processor = processor
        self._records = records
        self._attempts = attempts
        self._concurrency = concurrency
        self._lanes = deque(self._in_lanes())
        self._running: set[asyncio.Task[None]] = set()
        self._outcomes: list[BaseException | None] = [_UNFINISHED] * len(records)
        self._fault: BaseException | None = None

    async def run(self, time_left: float | None, grace: float) -> None:
        """Handle the messages.

        Args:
            time_left: Seconds until what still runs is cancelled and nothing more begins; None for no limit.
            grace: Seconds that the cancelled messages have to end in: code in a thread ends when it likes.

        """
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        self._context = copy_context()
        self._deadline = math.inf if time_left is None else time.perf_counter() + time_left
        self._begin(self._lanes.popleft())
        timer = None if time_left is None else self._loop.call_later(time_left, self._end)
        await self._ended
        if timer is not None:
            timer.cancel()
        if self._running:
            self._attempts.expired = True
            for task in self._running:
                task.cancel()
            await asyncio.wait(self._running, timeout=grace)
            self._give_up()
        if self._fault is not None:
            raise self._fault

    def report(self) -> Mapping[str, Any]:
        """Return the partial batch response: the ids of the messages that are to be delivered again.

        Its format is that of "Implementing partial batch responses" in the AWS Lambda Developer Guide.
        """
        processor = self._processor
        with processor(records=[*self._records], handler=self._attempts.attempt):  # type: ignore[list-item]  # it reads them
            for record, outcome in zip(processor.records, self._outcomes, strict=True):
                if outcome is not None:  # the books of those that succeeded are for nobody
                    failure = (type(outcome), outcome, outcome.__traceback__)
                    processor.failure_handler(SQSRecord(record), failure)
        answer = processor.response()
        # Nothing of this batch is to stay in memory until the next one, least of all its exceptions with their frames.
        with processor(records=[], handler=self._attempts.attempt):
            return answer

    def _in_lanes(self) -> list[list[int]]:
        """Return the places of the messages, those that have to be handled one after the other together, last first."""
        places = range(len(self._records) - 1, -1, -1)
        # The queue tells: a message of a standard queue may have a group as well, for fairness among tenants.
        if not self._records[0]["eventSourceARN"].endswith(".fifo"):
            return [[index] for index in reversed(places)]
        groups: dict[str, list[int]] = {}
        for index in places:
            groups.setdefault(self._records[index]["attributes"]["MessageGroupId"], []).append(index)
        return sorted(groups.values(), key=lambda lane: lane[-1])

    def _begin(self, lane: list[int]) -> None:
        self._running.add(self._loop.create_task(self._work(lane)))

    async def _work(self, lane: list[int] | None) -> None:
        """Handle messages one after the other until one has to wait: that one has the rest of the task to itself."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - `_begin` has made it
        try:
            if self._may_begin():
                lane = await self._handle(lane, task)
        finally:
            self._running.discard(task)
            if lane and self._may_begin():
                self._begin(lane)
            elif not self._running:
                self._end()

    async def _handle(self, lane: list[int] | None, task: asyncio.Task[None]) -> list[int] | None:
        """Handle messages in this task for as long as that makes no difference to them; return where to go on."""
        begin, records, lanes, outcomes = self._attempts.begin, self._records, self._lanes, self._outcomes
        fresh, clock, took = self._context.copy, time.perf_counter, self._attempts.latencies.append
        now = clock()
        give_way = min(now + TURN, self._deadline)
        while lane:
            index, waits = lane.pop(), False
            # What a message's code leaves in context variables is not there for the next one.
            context = fresh()
            try:
                outcome = context.run(begin, records[index])
                if isinstance(outcome, Waiting):
                    waits = True
                    self._begin_another()
                    outcome = await self._attempts.finish(outcome, context)
            except BaseException as fault:  # noqa: BLE001 - none of the message's, and it fails the invocation
                outcome = self._fault = fault
            outcomes[index] = outcome
            began, now = now, clock()
            took(now - began)
            if lane and outcome is not None:
                self._skip(lane)
                lane = None
            if not lane:
                lane = lanes.popleft() if lanes else None
            # A message that waits may be cancelled, or have cancelled itself, or be known to a library by its task.
            if waits or task.cancelling():
                break
            if now >= give_way:
                await asyncio.sleep(0)
                if not self._may_begin():
                    break
                now = clock()
                give_way = min(now + TURN, self._deadline)
        return lane

    def _skip(self, lane: list[int]) -> None:
        for index in lane:
            self._outcomes[index] = _SKIPPED

    def _give_up(self) -> None:
        """Say of messages that have not even ended when they were cancelled what there is to say."""

    def _end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    def _may_begin(self) -> bool:
        return not self._attempts.expired and time.perf_counter() < self._deadline

    def _begin_another(self) -> None:
        """Begin what may be handled beside a message that waits."""
        if self._lanes and len(self._running) < self._concurrency and self._may_begin():
            self._begin(self._lanes.popleft())


def bookkeeper() -> BatchProcessor:
    """Return what keeps the books of a queue's batches."""
    return BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
