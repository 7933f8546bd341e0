"""The records of one event, each handed to the consumer once, and how that went."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastlambda import exchange
from fastlambda.errors import UnfinishedRecordError
from fastlambda.events.record import Record
from fastlambda.observe import logging as logs
from fastlambda.observe.tracing import trace_id

if TYPE_CHECKING:
    from mangum.types import LambdaContext

    from fastlambda.events.consumer import BoundConsumer
    from fastlambda.observe.tracing import EventTracer


class Attempts:
    """What the consumer made of an event's records.

    Args:
        consumer: The consumer.
        tracer: Gives every record of a batch a subsegment of its own.
        context: The invocation.

    Attributes:
        latencies_ms: Milliseconds that each record took.
        failed: Records that failed.
        expired: True once the invocation has to end, and whatever is cancelled is so for that reason.

    """

    def __init__(self, consumer: BoundConsumer, tracer: EventTracer, context: LambdaContext) -> None:
        self._consumer = consumer
        self._kind = consumer.declaration.kind
        self._batched = self._kind == "sqs"
        self._tracer = tracer
        self._context = context
        self.latencies_ms: list[float] = []
        self.failed = 0
        self.expired = False

    async def __call__(self, data: Mapping[str, Any]) -> BaseException | None:
        """Hand a record to the consumer; log what fails it, and return that. It has a task of its own to itself."""
        consumer = self._consumer
        record = Record(self._kind, data, unwrap=consumer.unwrap)
        keys = {"route": consumer.key, "message_id": record.id, "correlation_id": record.id}
        exchange.handling(keys)
        started = time.perf_counter()
        try:
            # Nobody but this task has the keys, and it reads them when it writes a line.
            if (correlation_id := record.correlation_id) is not None:
                keys["correlation_id"] = correlation_id
            header = record.trace_header
            if header is not None and (continued := trace_id(header)) is not None:
                keys["xray_trace_id"] = continued
            if self._batched and self._tracer.traces_records(header):
                with self._tracer.record(consumer.key, record.id, header):
                    await consumer(record, self._context)
            else:
                await consumer(record, self._context)
        except BaseException as error:  # noqa: BLE001 - it fails the record, whatever it is, and not its neighbours
            return self._fail(error)
        else:
            return None
        finally:
            self.latencies_ms.append((time.perf_counter() - started) * 1000)

    def _fail(self, error: BaseException) -> BaseException:
        self.failed += 1
        if self.expired and isinstance(error, asyncio.CancelledError):
            unfinished = UnfinishedRecordError(
                "A record was still being handled when its invocation had to end",
                remedy="Give the function more time, or the queue a smaller batch_size.",
            )
            error = unfinished.with_traceback(error.__traceback__)
        logs.record_failure(error)
        return error
