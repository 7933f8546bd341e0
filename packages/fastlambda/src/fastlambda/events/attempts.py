"""The records of one event, each handed to the consumer once, and how that went."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine, Mapping
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi.exceptions import RequestValidationError

from fastlambda import exchange
from fastlambda.errors import InvalidMessageError, UnfinishedRecordError
from fastlambda.events.record import Record
from fastlambda.events.signature import invalid_message
from fastlambda.events.stepwise import rest
from fastlambda.observe import logging as logs

if TYPE_CHECKING:
    from mangum.types import LambdaContext

    from fastlambda.events.consumer import BoundConsumer
    from fastlambda.observe.tracing import EventTracer


class Waiting(NamedTuple):
    """A record whose consumer waits for something.

    Attributes:
        work: What is left of handling it.
        waiting_for: What its first step ended with.

    """

    work: Coroutine[Any, Any, None]
    waiting_for: Any


class Attempts:
    """What the consumer made of an event's records.

    Args:
        consumer: The consumer.
        tracer: Gives every record of a batch a subsegment of its own.
        context: The invocation.

    Attributes:
        latencies: Seconds that each record took.
        failed: Records that failed.
        in_threads: Whether records are to be handed over by `attempt_in_thread`.
        expired: True once the invocation has to end, and whatever is cancelled is so for that reason.

    """

    def __init__(self, consumer: BoundConsumer, tracer: EventTracer, context: LambdaContext) -> None:
        self._handle = consumer.handler(context)
        self._call = consumer.thread_handler()
        self._kind = consumer.declaration.kind
        self._key = consumer.key
        self._unwrap = consumer.unwrap
        self._tracer = tracer
        # It is the event that is traced, or not; beside that a message of a queue may have a trace of its own.
        self._traced = self._kind == "sqs" and tracer.traces_records(None)
        self.in_threads = self._call is not None
        self.latencies: list[float] = []
        self.failed = 0
        self._counting = threading.Lock()
        self.expired = False

    async def attempt(self, data: Mapping[str, Any]) -> BaseException | None:
        """Hand a record to the consumer; log what fails it, and return that. It has a context of its own to itself."""
        started, context = time.perf_counter(), copy_context()
        outcome = context.run(self.begin, data)
        if isinstance(outcome, Waiting):
            outcome = await self.finish(outcome, context)
        self.latencies.append(time.perf_counter() - started)
        return outcome

    def begin(self, data: Mapping[str, Any]) -> BaseException | Waiting | None:
        """Hand a record to the consumer in the current context, which is to be its own, until it waits or has ended.

        Returns:
            What failed it, which is logged; None when it is handled; else what is left to `finish`.

        """
        record = Record(self._kind, data, self._unwrap, self._key)
        exchange.handling(record)
        try:
            work = self._trace(record) if self._is_traced(data) else self._handle(record)
        except BaseException as error:  # noqa: BLE001 - it fails the record, whatever it is, and not its neighbours
            return self.fail(error)
        try:
            return Waiting(work, work.send(None))
        except StopIteration:  # the end of a coroutine, from which none can escape
            return None
        except BaseException as error:  # noqa: BLE001
            return self.fail(error)

    def attempt_in_thread(self, data: Mapping[str, Any]) -> BaseException | None:
        """Hand a record to a consumer that needs no loop, in the current context, which is to be its own.

        Returns:
            What failed it, which is left to `fail`; None when it is handled.

        """
        record = Record(self._kind, data, self._unwrap, self._key)
        exchange.handling(record)
        assert self._call is not None  # noqa: S101 - `in_threads` says so
        try:
            if not self._is_traced(data):
                self._call(record)
            else:
                with self._tracer.record(self._key, record.id, record.trace_header()):
                    self._call(record)
        except BaseException as error:  # noqa: BLE001 - it fails the record, whatever it is, and not its neighbours
            return error
        return None

    async def finish(self, waiting: Waiting, context: Context) -> BaseException | None:
        """Go on with a record in its own context; return as `begin` does."""
        try:
            await rest(waiting.work, context, waiting.waiting_for)
        except BaseException as error:  # noqa: BLE001
            return context.run(self.fail, error)
        return None

    def _is_traced(self, data: Mapping[str, Any]) -> bool:
        return self._traced or (self._kind == "sqs" and "AWSTraceHeader" in data["attributes"])

    async def _trace(self, record: Record) -> None:
        with self._tracer.record(self._key, record.id, record.trace_header()):
            try:
                await self._handle(record)
            except RequestValidationError as error:
                refused = _without_values(error)
            else:
                return
            # Outside of the handler: the trace would show the values of what it was raised from.
            raise refused

    def fail(self, error: BaseException) -> BaseException:
        """Log what has failed a record, in its context; return what is to be said of it."""
        with self._counting:
            self.failed += 1
        if isinstance(error, RequestValidationError):
            error = _without_values(error)
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
