"""A batch of SQS: its messages side by side, those of a FIFO group one after the other, and all of it in time.

Powertools Batch keeps the books and writes the report. Its own processors take the loop for themselves, start all
records at once, and know of no deadline; its FIFO processor takes no coroutines.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, SqsFifoPartialProcessor
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from fastlambda.errors import UnfinishedRecordError

if TYPE_CHECKING:
    from fastlambda.events.attempts import Attempts

_SKIPPED = SqsFifoPartialProcessor.group_circuit_breaker_exc[1]


class Batch:
    """The messages of one invocation.

    Args:
        records: The records of the event.
        attempts: Handles them.
        concurrency: Messages, or FIFO groups, that are handled side by side.

    """

    def __init__(self, records: Sequence[Mapping[str, Any]], attempts: Attempts, concurrency: int) -> None:
        self._records = records
        self._attempts = attempts
        self._concurrency = concurrency
        self._lanes = deque(self._in_lanes())
        self._running: dict[int, asyncio.Task[None]] = {}
        self._outcomes: dict[int, BaseException | None] = {}
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
        for _ in range(min(self._concurrency, len(self._lanes))):
            self._begin(self._lanes.popleft())
        await asyncio.wait([self._ended], timeout=time_left)
        if self._running:
            self._attempts.expired = True
            for task in self._running.values():
                task.cancel()
            await asyncio.wait(self._running.values(), timeout=grace)
        if self._fault is not None:
            raise self._fault

    def report(self) -> Mapping[str, Any]:
        """Return the partial batch response: the ids of the messages that are to be delivered again.

        Its format is that of "Implementing partial batch responses" in the AWS Lambda Developer Guide.
        """
        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        with processor(records=[dict(record) for record in self._records], handler=self._attempts):
            for index, record in enumerate(processor.records):
                outcome = self._outcomes.get(index, _UNFINISHED)
                if outcome is None:
                    processor.success_handler(record, None)
                else:
                    failure = (type(outcome), outcome, outcome.__traceback__)
                    processor.failure_handler(SQSRecord(record), failure)
        return processor.response()

    def _in_lanes(self) -> list[deque[int]]:
        """Return the places of the messages, those that have to be handled one after the other together."""
        # The queue tells: a message of a standard queue may have a group as well, for fairness among tenants.
        if not self._records[0]["eventSourceARN"].endswith(".fifo"):
            return [deque((index,)) for index in range(len(self._records))]
        groups: dict[str, deque[int]] = {}
        for index, record in enumerate(self._records):
            groups.setdefault(record["attributes"]["MessageGroupId"], deque()).append(index)
        return list(groups.values())

    def _begin(self, lane: deque[int]) -> None:
        # In a task of its own: what a message's code leaves in context variables is not there for the next one.
        work = self._handle(lane)
        self._running[lane[0]] = self._loop.create_task(work, context=self._context.copy())

    async def _handle(self, lane: deque[int]) -> None:
        index = lane.popleft()
        try:
            outcome = await self._attempts(self._records[index])
        except BaseException as fault:  # noqa: BLE001 - none of the message's, and it fails the invocation
            outcome = self._fault = fault
        self._outcomes[index] = outcome
        del self._running[index]
        if lane and outcome is not None:
            self._outcomes.update(dict.fromkeys(lane, _SKIPPED))
            lane.clear()
        # The next one is begun here: a task that awaited this one would cost each message another turn of the loop.
        if not self._attempts.expired and (lane or self._lanes):
            self._begin(lane or self._lanes.popleft())
        elif not self._running and not self._ended.done():
            self._ended.set_result(None)


_UNFINISHED = UnfinishedRecordError("The message was not handled in time")
