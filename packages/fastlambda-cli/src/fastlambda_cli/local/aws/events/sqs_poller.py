"""Reads a queue for one event source mapping: AWS Lambda Developer Guide, "Using Lambda with Amazon SQS"."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.aws.events.emulated import AT_ONCE, Queue, QueueMissingError, Services
from fastlambda_cli.local.aws.events.mapping import QueueMapping
from fastlambda_cli.local.aws.events.sqs_event import MalformedAnswerError, Record, events, failed_ids, record
from fastlambda_cli.local.aws.functions import Functions
from fastlambda_cli.local.model import Invocation, InvokeResult, Notice, RefusedError, Sink, ThrottledError

_LONG_POLL_S = 20
_GLANCE_S = 0.1
_PAUSE_S = 1.0
"""Between two looks at a queue that is not there, or an emulator that does not answer."""
_FIRST_BACKOFF_S = 0.1
_LONGEST_BACKOFF_S = 5.0


class SqsPoller:
    """Delivers the messages of a queue until it is told to stop.

    Args:
        mapping: What to do with them; may be replaced at any time by another mapping of the same queue.
        services: Reaches the queue.
        functions: What can be invoked.
        sink: Is told what was not delivered, and why.

    """

    def __init__(self, mapping: QueueMapping, services: Services, functions: Functions, sink: Sink) -> None:
        self.mapping = mapping
        self._services = services
        self._queue = Queue(services, mapping.queue_name)
        self._functions = functions
        self._sink = sink
        self._told = ""
        self._stopped = False
        self._waiting: asyncio.Task[Sequence[Mapping[str, Any]]] | None = None
        self._batches: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Take no more messages; batches that were begun are finished."""
        self._stopped = True
        if self._waiting is not None:
            self._waiting.cancel()

    async def run(self) -> None:
        """Deliver until stopped; cancellation drops the batches that run, whose messages become visible again."""
        try:
            while not self._stopped:
                try:
                    await self._next_batch()
                except QueueMissingError:
                    self._tell(f"There is no queue {self.mapping.queue_name}; AWS refuses a mapping of such a queue")
                    await asyncio.sleep(_PAUSE_S)
                except EmulatorError as problem:
                    self._tell(problem.in_one_line())
                    await asyncio.sleep(_PAUSE_S)
            await asyncio.gather(*self._batches)
        finally:
            for batch in self._batches:
                batch.cancel()

    async def _next_batch(self) -> None:
        if len(self._batches) >= self.mapping.concurrency:
            await asyncio.wait(self._batches, return_when=asyncio.FIRST_COMPLETED)
            return
        messages = await self._gathered()
        if self._stopped and messages:
            await self._queue.release([message["ReceiptHandle"] for message in messages])
        elif messages:
            self._told = ""
            batch = asyncio.create_task(self._delivered(messages), name=f"batch of {self.mapping.queue_name}")
            self._batches.add(batch)
            batch.add_done_callback(self._batches.discard)

    async def _gathered(self) -> Sequence[Mapping[str, Any]]:
        """Wait for messages, then gather a batch for as long as its window is open."""
        size = self.mapping.batch_size
        last = await self._awaited(size)
        messages = list(last)
        closes = self._now() + self.mapping.window_s
        while messages and len(messages) < size:
            open_s = closes - self._now()
            if open_s <= 0 and len(last) < AT_ONCE:
                break
            if 0 < open_s < 1 and len(last) < AT_ONCE:
                await asyncio.sleep(min(open_s, _GLANCE_S))  # SQS itself waits for whole seconds
            last = await self._queue.receive(size - len(messages), min(max(0, int(open_s)), _LONG_POLL_S))
            messages += last
        return messages

    async def _awaited(self, size: int) -> Sequence[Mapping[str, Any]]:
        """Wait for the first messages of a batch; none come any more when the poller is stopped."""
        self._waiting = asyncio.create_task(self._queue.receive(size, _LONG_POLL_S))
        try:
            return await self._waiting
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._stopped or (task is not None and task.cancelling()):
                raise
            return ()
        finally:
            self._waiting = None

    async def _delivered(self, messages: Sequence[Mapping[str, Any]]) -> None:
        mapping = self.mapping
        try:
            wanted: list[Record] = []
            unwanted: list[Record] = []
            for message in messages:
                candidate = record(message, mapping.queue_arn)
                (wanted if await self._matches(mapping, candidate) else unwanted).append(candidate)
            await self._queue.delete([each["receiptHandle"] for each in unwanted])
            for part, event in events(wanted) if wanted else ():
                failed = await self._failed(mapping, part, event)
                await self._queue.delete([each["receiptHandle"] for each in part if each["messageId"] not in failed])
                if failed and mapping.is_fifo:
                    break
        except (EmulatorError, QueueMissingError) as problem:
            self._tell(f"{problem}; messages of {mapping.queue_name} may come again")

    async def _matches(self, mapping: QueueMapping, candidate: Record) -> bool:
        """Whether one of the mapping's filters matches, by EventBridge's own rules for patterns."""
        if not mapping.filters:
            return True
        event = json.dumps({**candidate, "body": _json_or_text(candidate["body"])})
        for pattern in mapping.filters:
            answer = await self._services.call("AWSEvents.TestEventPattern", {"EventPattern": pattern, "Event": event})
            if answer["Result"]:
                return True
        return False

    async def _failed(self, mapping: QueueMapping, records: Sequence[Record], event: bytes) -> frozenset[str]:
        """Invoke; return the ids of the messages that stay in the queue."""
        everything = frozenset(str(each["messageId"]) for each in records)
        count = _counted(len(records))
        source = f"sqs {mapping.queue_name} {count}"
        try:
            result = await self._invoked(mapping, Invocation(event, invoked_arn=mapping.function.arn, source=source))
        except (RefusedError, EmulatorError) as problem:
            self._tell(f"{count} of {mapping.queue_name} could not be delivered: {problem}")
            return everything
        if result is None:
            self._tell(f"{count} of {mapping.queue_name} went back: {mapping.function.name} was throttled all the time")
            return everything
        if result.function_error is not None:
            return everything  # the function's own report says so
        try:
            failed = failed_ids(result.payload, records) if mapping.partial else frozenset()
        except MalformedAnswerError as problem:
            self._tell(
                f"{count} of {mapping.queue_name} failed as a whole, because of the function's answer: {problem}"
            )
            return everything
        if failed:
            self._tell(f"SQS {mapping.queue_name}: {len(failed)} of {count} failed and will come again")
        return failed

    async def _invoked(self, mapping: QueueMapping, invocation: Invocation) -> InvokeResult | None:
        """Invoke, again and again while the function is throttled; None once the messages are visible again."""
        expires = self._now() + await self._queue.visibility_timeout()
        pause = _FIRST_BACKOFF_S
        while True:
            try:
                return await self._functions.invoke(mapping.function, invocation)
            except ThrottledError:
                if self._now() + pause > expires:
                    return None
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_BACKOFF_S)

    def _tell(self, text: str) -> None:
        """Tell something that may be true for long only once."""
        if text != self._told:
            self._told = text
            self._sink(Notice(text, warning=True))

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _counted(number: int) -> str:
    return "1 record" if number == 1 else f"{number} records"


def _json_or_text(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body
