"""The records of one event, each handed to the consumer once, and how that went."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError

from fastlambda import exchange
from fastlambda.errors import InvalidMessageError, UnfinishedRecordError
from fastlambda.events.record import Record
from fastlambda.events.signature import invalid_message
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
        self._key = consumer.key
        self._unwrap = consumer.unwrap
        self._tracer = tracer
        # It is the event that is traced, or not; beside that a message of a queue may have a trace of its own.
        self._traced = self._kind == "sqs" and tracer.traces_records(None)
        self._context = context
        self.latencies_ms: list[float] = []
        self.failed = 0
        self.expired = False

    async def attempt(self, data: Mapping[str, Any]) -> BaseException | None:
        """Hand a record to the consumer; log what fails it, and return that. It has a context of its own to itself."""
        record = Record(self._kind, data, unwrap=self._unwrap)
        keys = {"route": self._key, "message_id": record.id, "correlation_id": record.id}
        exchange.handling(keys)
        started = time.perf_counter()
        try:
            # Nobody but this record has the keys, and they are read when a line is written.
            if (correlation_id := record.correlation_id()) is not None:
                keys["correlation_id"] = correlation_id
            header = record.trace_header()
            if header is None and not self._traced:
                await self._consumer.handle(record, self._context)
            else:
                if (continued := trace_id(header)) is not None:
                    keys["xray_trace_id"] = continued
                with self._tracer.record(self._key, record.id, header):
                    await self._hand_over(record)
        except RequestValidationError as error:
            return self._fail(_without_values(error))
        except BaseException as error:  # noqa: BLE001 - it fails the record, whatever it is, and not its neighbours
            return self._fail(error)
        else:
            return None
        finally:
            self.latencies_ms.append((time.perf_counter() - started) * 1000)

    async def _hand_over(self, record: Record) -> None:
        try:
            await self._consumer.handle(record, self._context)
        except RequestValidationError as error:
            refused = _without_values(error)
        else:
            return
        # Outside of the handler: the trace would show the values of what it was raised from.
        raise refused

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


def _without_values(error: RequestValidationError) -> InvalidMessageError:
    """Return what a dependency's own parameters lack, without what they are."""
    return invalid_message("A dependency of the consumer cannot be had", error.errors())
