"""What a message costs in a batch of 100: consumers with dependencies against Powertools' own batch processor.

Both sides validate the same Pydantic model and have Powertools' Logger and Metrics round the batch. With `--work`
every message looks a row up in SQLite through SQLAlchemy, in a session and a transaction of its own (writers would
wait for one another); without, it is added to a number, so that nothing but the machinery is measured. CPU time of
the process, user and system, per message.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

from measured import table

MESSAGES = 100
WARM_UP = 10
EMPTY = {
    "processor": "BatchProcessor",
    "async": "AsyncBatchProcessor",
    "consumer": "consumer",
    "injected": "consumer, one dependency with yield",
}
WORKING = {"async": "AsyncBatchProcessor, session by hand", "injected": "consumer, session as a dependency"}
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


def handler_of(variant: str, *, works: bool) -> Callable[[dict[str, Any], Any], Any]:
    """Build the handler of a variant."""
    if variant in ("consumer", "injected"):
        return consumers(variant, **storage() if works else counting())
    return processors(variant, **storage() if works else counting())


def counting() -> dict[str, Any]:
    """Return a session that is none, and what adds a book's pages to a number."""
    pages = 0

    async def session() -> AsyncIterator[None]:
        yield

    async def handle(_: None, book: Any) -> None:
        nonlocal pages
        pages += book.pages

    return {"session": session, "handle": handle}


def storage() -> dict[str, Any]:
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

    async def handle(opened: Any, book: Any) -> None:
        await opened.execute(books.select().where(books.c.title == book.title))

    return {"session": session, "handle": handle}


def book_model() -> Any:
    """Return the model of a message."""
    from decimal import Decimal  # noqa: PLC0415

    from pydantic import BaseModel  # noqa: PLC0415

    class Book(BaseModel):
        title: str
        author: str
        price: Decimal
        pages: int
        tags: list[str] = []

    return Book


def consumers(variant: str, *, session: Any, handle: Any) -> Callable[[dict[str, Any], Any], Any]:
    """Return a handler with a consumer."""
    from fastapi import Depends, FastAPI  # noqa: PLC0415

    from fastlambda import EventRouter, FastLambda  # noqa: PLC0415

    events, model = EventRouter(), book_model()
    if variant == "injected":

        async def consume(book: Any, opened: Any) -> None:
            await handle(opened, book)

        consume.__annotations__ = {"book": model, "opened": Annotated[Any, Depends(session)]}
    else:

        async def consume(book: Any) -> None:
            await handle(None, book)

        consume.__annotations__ = {"book": model}
    events.sqs("books", batch_size=MESSAGES, window=1)(consume)
    return FastLambda(FastAPI(), events=events)


def processors(variant: str, *, session: Any, handle: Any) -> Callable[[dict[str, Any], Any], Any]:
    """Return a handler as Powertools documents it."""
    from contextlib import asynccontextmanager  # noqa: PLC0415

    from aws_lambda_powertools import Logger, Metrics  # noqa: PLC0415
    from aws_lambda_powertools.utilities import batch as batches  # noqa: PLC0415
    from aws_lambda_powertools.utilities.parser.models import SqsRecordModel  # noqa: PLC0415
    from pydantic import Json, create_model  # noqa: PLC0415

    logger, metrics, opened = Logger(), Metrics(), asynccontextmanager(session)
    record_model: Any = create_model("BookRecord", __base__=SqsRecordModel, body=(Json[book_model()], ...))  # type: ignore[misc]
    pages = 0

    def record_handler(record: Any) -> None:
        nonlocal pages
        pages += record.body.pages

    async def async_record_handler(record: Any) -> None:
        async with opened() as one:
            await handle(one, record.body)

    if variant == "processor":
        processor: Any = batches.BatchProcessor(batches.EventType.SQS, model=record_model)
        process: Any = batches.process_partial_response
        chosen: Any = record_handler
    else:
        processor = batches.AsyncBatchProcessor(batches.EventType.SQS, model=record_model)
        process = batches.async_process_partial_response
        chosen = async_record_handler

    @logger.inject_lambda_context(clear_state=True)
    @metrics.log_metrics
    def handler(event: dict[str, Any], context: Any) -> Any:
        answer = process(event=event, record_handler=chosen, processor=processor, context=context)
        metrics.add_metric("Records", "Count", MESSAGES)
        logger.info("batch")
        return answer

    return handler


def work(variant: str, batches: int, *, works: bool) -> None:
    """In a process of its own: print the median microseconds of a message on stderr."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    handler, event = handler_of(variant, works=works), batch()
    samples = []
    for number in range(WARM_UP + batches):
        began = time.process_time()
        answer = handler(event, CONTEXT)
        if number >= WARM_UP:
            samples.append((time.process_time() - began) * 1e6 / MESSAGES)
        if answer != {"batchItemFailures": []}:
            raise SystemExit(f"{variant} answered {answer}")
    print(statistics.median(samples), file=sys.stderr)
    sys.stderr.flush()
    os._exit(0)  # the loops and their threads end with the process


def measure(variants: dict[str, str], rounds: int, batches: int, *, works: bool) -> dict[str, list[float]]:
    """One process of each variant per round, in random order."""
    samples: dict[str, list[float]] = {name: [] for name in variants.values()}
    environment = {
        **{name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ},
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_REGION": "us-east-1",
        "LAMBDA_TASK_ROOT": str(Path(__file__).parent),
        "POWERTOOLS_METRICS_NAMESPACE": "Bench",
        "POWERTOOLS_SERVICE_NAME": "bench",
        "POWERTOOLS_TRACE_DISABLED": "true",
    }
    arguments = [f"--batches={batches}", *(["--work"] if works else [])]
    for _ in range(rounds):
        for variant in random.sample(list(variants), k=len(variants)):
            done = subprocess.run(
                [sys.executable, __file__, f"--variant={variant}", *arguments],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
            if done.returncode:
                raise SystemExit(done.stderr)
            samples[variants[variant]].append(float(done.stderr.split()[-1]))
    return samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batches", type=int, default=30)
    parser.add_argument("--work", action="store_true", help="look a row up for every message")
    parser.add_argument("--variant", choices=EMPTY, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.variant:
        work(options.variant, options.batches, works=options.work)
        return
    variants = WORKING if options.work else EMPTY
    samples = measure(variants, options.rounds, options.batches, works=options.work)
    print(table("µs", samples, base=next(iter(variants.values()))))


if __name__ == "__main__":
    main()
