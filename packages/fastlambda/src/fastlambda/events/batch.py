"""A batch of SQS: its messages side by side, those of a FIFO group one after the other, and all of it in time.

Powertools Batch keeps the books and writes the report. Its own processors take the loop for themselves, start all
records at once, and know of no deadline; its FIFO processor takes no coroutines.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
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
        self._running: set[asyncio.Task[BaseException | None]] = set()
        self._outcomes: dict[int, BaseException | None] = {}

    async def run(self, time_left: float | None, grace: float) -> None:
        """Handle the messages.

        Args:
            time_left: Seconds until what still runs is cancelled and nothing more begins; None for no limit.
            grace: Seconds that the cancelled messages have to end in: code in a thread ends when it likes.

        """
        lanes = deque(self._lanes())
        workers = [asyncio.create_task(self._work(lanes)) for _ in range(min(self._concurrency, len(lanes)))]
        done, late = await asyncio.wait(workers, timeout=time_left)
        if late:
            self._attempts.expired = True
            for task in self._running:
                task.cancel()
            ended, _ = await asyncio.wait(late, timeout=grace)
            done |= ended
        for worker in done:
            worker.result()

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

    def _lanes(self) -> list[list[int]]:
        """Return the places of the messages, those that have to be handled one after the other together."""
        # The queue tells: a message of a standard queue may have a group as well, for fairness among tenants.
        if not self._records[0]["eventSourceARN"].endswith(".fifo"):
            return [[index] for index in range(len(self._records))]
        groups: dict[str, list[int]] = {}
        for index, record in enumerate(self._records):
            groups.setdefault(record["attributes"]["MessageGroupId"], []).append(index)
        return list(groups.values())

    async def _work(self, lanes: deque[list[int]]) -> None:
        while lanes and not self._attempts.expired:
            lane = deque(lanes.popleft())
            while lane and not self._attempts.expired:
                index = lane.popleft()
                self._outcomes[index] = await self._in_its_own_task(self._records[index])
                if self._outcomes[index] is not None:
                    self._outcomes.update(dict.fromkeys(lane, _SKIPPED))
                    lane.clear()

    async def _in_its_own_task(self, record: Mapping[str, Any]) -> BaseException | None:
        # What a message's code leaves in context variables is not there for the next one.
        task = asyncio.create_task(self._attempts(record))
        self._running.add(task)
        try:
            return await task
        finally:
            self._running.discard(task)


_UNFINISHED = UnfinishedRecordError("The message was not handled in time")
