"""Handlers of batches, built by `records.py`: consumers, and Powertools' own processors with the same to do."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from types import SimpleNamespace
from typing import Annotated, Any

MESSAGES = 100
CASES = ("empty", "dependency", "yield", "row")
CONTEXT = SimpleNamespace(
    function_name="bench",
    memory_limit_in_mb=1024,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:bench",
    aws_request_id="8476a536-e9f4-11e8-9739-2dfe598c3fcd",
    get_remaining_time_in_millis=lambda: 60_000,
)
BODY = json.dumps(
    {"title": "Dune", "author": "Frank Herbert", "price": "9.90", "pages": 412, "tags": ["desert", "spice"]}
)

Handler = Callable[[dict[str, Any], Any], Any]


def batch() -> dict[str, Any]:
    """Return an event with a hundred messages."""
    attributes = {
        "ApproximateReceiveCount": "1",
        "SentTimestamp": "1545082649183",
        "SenderId": "AIDAIENQZJOLO23YVJ4VO",
        "ApproximateFirstReceiveTimestamp": "1545082649185",
    }
    return {
        "Records": [
            {
                "messageId": f"059f36b4-87a3-44ab-83d2-{number:012}",
                "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
                "body": BODY,
                "attributes": attributes,
                "messageAttributes": {},
                "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:books",
                "awsRegion": "us-east-1",
            }
            for number in range(MESSAGES)
        ]
    }


def book_model() -> Any:
    """Return the model of a message."""
    from pydantic import BaseModel  # noqa: PLC0415 - FastLambda tunes INIT before Pydantic is imported

    class Book(BaseModel):
        title: str
        author: str
        price: Decimal
        pages: int
        tags: list[str] = []

    return Book


class Shelf:
    """What handles a book, and what it needs for that, of both colours."""

    def __init__(self) -> None:
        self.pages = 0

    def take(self, book: Any) -> None:
        """Handle a book."""
        self.pages += book.pages

    def number(self) -> int:
        """Return a number, as a dependency."""
        return 1

    async def number_async(self) -> int:
        """Return a number, as a dependency."""
        return 1

    def session(self) -> Iterator[int]:
        """Have something that is to be closed."""
        yield 1

    async def session_async(self) -> AsyncIterator[int]:
        """Have something that is to be closed."""
        yield 1


def storage() -> tuple[Any, Any]:
    """Return a session on a new database, with its transaction, and what looks a book up in it."""
    from sqlalchemy import Column, Integer, MetaData, String, Table  # noqa: PLC0415
    from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine  # noqa: PLC0415

    tables = MetaData()
    books = Table("books", tables, Column("title", String), Column("pages", Integer))
    engine = create_async_engine(f"sqlite+aiosqlite:///{tempfile.mkdtemp()}/books.db", pool_size=20)
    sessions = async_sessionmaker(engine)

    async def create() -> None:
        async with engine.begin() as connection:
            await connection.run_sync(tables.create_all)

    asyncio.get_event_loop().run_until_complete(create())

    async def session() -> AsyncIterator[Any]:
        async with sessions() as opened, opened.begin():
            yield opened

    async def look_up(opened: Any, book: Any) -> None:
        await opened.execute(books.select().where(books.c.title == book.title))

    return session, look_up


def consumer(case: str) -> Handler:
    """Return a handler with a consumer: FastLambda's logs, metrics and traces are what it always has."""
    from fastapi import Depends, FastAPI  # noqa: PLC0415

    from fastlambda import EventRouter, FastLambda  # noqa: PLC0415

    events, model, shelf = EventRouter(), book_model(), Shelf()

    async def empty(book: Any) -> None:
        shelf.take(book)

    async def injected(book: Any, needed: Any) -> None:  # noqa: ARG001 - it is had, and that is measured
        shelf.take(book)

    def in_a_thread(book: Any) -> None:
        shelf.take(book)

    if case == "row":
        dependency, look_up = storage()

        async def consume(book: Any, needed: Any) -> None:
            await look_up(needed, book)
    else:
        dependency = {"dependency": shelf.number_async, "yield": shelf.session_async}.get(case)
        consume = {"empty": empty, "thread": in_a_thread}.get(case, injected)
    consume.__annotations__["book"] = model
    if dependency is not None:
        consume.__annotations__["needed"] = Annotated[Any, Depends(dependency)]
    events.sqs("books", batch_size=MESSAGES, window=1)(consume)
    return FastLambda(FastAPI(), events=events)


class Powertools:
    """A handler under the three decorators, as Powertools documents it.

    Attributes:
        traces: Whether each message has a subsegment, as in Powertools' own examples; coroutines have none, since those
            that run side by side would close each other's.
        observes: Whether it says of each message what FastLambda says of it: the message's id on every log line, and
            how long it took as a metric.

    """

    def __init__(self, *, traces: bool = False, observes: bool = False) -> None:
        from aws_lambda_powertools import Logger, Metrics, Tracer  # noqa: PLC0415

        self.logger, self.tracer, self.metrics = Logger(), Tracer(), Metrics()
        self.traces = traces
        self.observes = observes
        self.model = book_model()
        self.shelf = Shelf()

    def one_by_one(self, case: str) -> Handler:
        """Return a handler with BatchProcessor."""
        from aws_lambda_powertools.utilities import batch as batches  # noqa: PLC0415

        model, shelf, logger, metrics = self.model, self.shelf, self.logger, self.metrics
        session = contextmanager(shelf.session)

        def handle(record: Any) -> None:
            book = model.model_validate_json(record.body)
            if case == "dependency":
                shelf.number()
                shelf.take(book)
            elif case == "yield":
                with session():
                    shelf.take(book)
            else:
                shelf.take(book)

        def observed(record: Any) -> None:
            began = time.perf_counter()
            logger.append_keys(route="sqs:books", message_id=record.message_id, correlation_id=record.message_id)
            try:
                handle(record)
            finally:
                metrics.add_metric("RecordLatency", "Milliseconds", (time.perf_counter() - began) * 1000)

        processor = batches.BatchProcessor(batches.EventType.SQS)
        chosen = observed if self.observes else handle
        record_handler = self.tracer.capture_method(chosen) if self.traces else chosen
        return self._decorated(
            lambda event, context: batches.process_partial_response(
                event=event, record_handler=record_handler, processor=processor, context=context
            )
        )

    def side_by_side(self, case: str) -> Handler:
        """Return a handler with AsyncBatchProcessor."""
        from aws_lambda_powertools.utilities import batch as batches  # noqa: PLC0415

        model, shelf, logger, metrics = self.model, self.shelf, self.logger, self.metrics
        opened, look_up = storage() if case == "row" else (shelf.session_async, None)
        session = asynccontextmanager(opened)

        async def handle(record: Any) -> None:
            book = model.model_validate_json(record.body)
            if case == "dependency":
                await shelf.number_async()
                shelf.take(book)
            elif case == "yield":
                async with session():
                    shelf.take(book)
            elif look_up is not None:
                async with session() as one:
                    await look_up(one, book)
            else:
                shelf.take(book)

        async def observed(record: Any) -> None:
            began = time.perf_counter()
            logger.thread_safe_append_keys(
                route="sqs:books", message_id=record.message_id, correlation_id=record.message_id
            )
            try:
                await handle(record)
            finally:
                metrics.add_metric("RecordLatency", "Milliseconds", (time.perf_counter() - began) * 1000)

        processor = batches.AsyncBatchProcessor(batches.EventType.SQS)
        record_handler = observed if self.observes else handle
        return self._decorated(
            lambda event, context: batches.async_process_partial_response(
                event=event, record_handler=record_handler, processor=processor, context=context
            )
        )

    def _decorated(self, process: Handler) -> Handler:
        @self.logger.inject_lambda_context(clear_state=True)
        @self.tracer.capture_lambda_handler
        @self.metrics.log_metrics
        def handler(event: dict[str, Any], context: Any) -> Any:
            answer = process(event, context)
            self.metrics.add_metric("Records", "Count", MESSAGES)
            self.logger.info("batch")
            return answer

        return handler


SIDES: dict[str, Callable[[str], Handler]] = {
    "BatchProcessor": lambda case: Powertools().one_by_one(case),
    "BatchProcessor, traced": lambda case: Powertools(traces=True).one_by_one(case),
    "BatchProcessor, observed": lambda case: Powertools(traces=True, observes=True).one_by_one(case),
    "AsyncBatchProcessor": lambda case: Powertools().side_by_side(case),
    "AsyncBatchProcessor, observed": lambda case: Powertools(observes=True).side_by_side(case),
    "consumer": consumer,
}
