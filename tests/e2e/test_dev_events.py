"""What the code declares is there while `fastlambda dev` runs: saved, provisioned, sent to and handled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from access_keys import of_boto3
from botocore.config import Config
from dev_command import Dev, running

CONSUMERS = """
from fastlambda import EventRouter, logger
from pydantic import BaseModel

events = EventRouter()


class Import(BaseModel):
    title: str


@events.sqs("wishes", idempotent="title")
async def wish(book: Import) -> None:
    logger.info("wished for " + book.title)
"""

PUBLISHER = """
from fastlambda import EventRouter, logger
from fastlambda.events import SnsMessage, SqsMessage
from pydantic import BaseModel

events = EventRouter()


class Import(BaseModel):
    title: str


moves = events.topic("moves.fifo", Import)


@events.sqs("wishes", idempotent="title")
async def wish(book: Import) -> None:
    logger.info("wished for " + book.title)
    await moves.publish(book, group="shelf")


@events.sqs("moves.fifo", topic="moves.fifo")
async def moved(book: Import, message: SqsMessage, notification: SnsMessage) -> None:
    topic = notification.topic_arn.rpartition(":")[2]
    logger.info(f"moved {book.title} of {message.group_id} by {topic}")
"""

HANDLER = """
from fastlambda import FastLambda
from demo.consumers import events as more
from demo.events import events
from demo.main import app

events.include(more)
handler = FastLambda(app, events=events)
"""


def sqs(dev: Dev):
    options = {"endpoint_url": dev.endpoint_url, "region_name": "us-east-1", "config": Config(proxies={})}
    return boto3.client("sqs", **options, **of_boto3(dev.keys))


def save(books: Path, consumers: str) -> None:
    (books / "demo" / "consumers.py").write_text(consumers, encoding="utf-8")
    (books / "lambda_handler.py").write_text(HANDLER, encoding="utf-8")


@pytest.fixture
def declared(dev: Dev) -> Iterator[Path]:
    """The running books, where consumers may be declared; they are taken away again."""
    handler = (dev.service / "lambda_handler.py").read_text(encoding="utf-8")
    yield dev.service
    seen = len(dev.output)
    (dev.service / "lambda_handler.py").write_text(handler, encoding="utf-8")
    (dev.service / "demo" / "consumers.py").unlink()
    dev.wait_for(r"INIT +environment \d+ is up", after=seen)


@pytest.mark.slow
def test_what_is_declared_and_saved_is_made_and_its_messages_are_handled_once(books):
    with running(books) as dev:
        dev.wait_for(r"Stack fastapi-books-dev: made")
        seen = len(dev.output)
        save(books, PUBLISHER)
        dev.wait_for(r"Stack fastapi-books-dev: change .*MovesFifoQueue", after=seen)

        url = sqs(dev).get_queue_url(QueueName="fastapi-books-dev-wishes")["QueueUrl"]
        for told in ("moved Momo of shelf by fastapi-books-dev-moves.fifo", "Skipped a record that was handled before"):
            sqs(dev).send_message(QueueUrl=url, MessageBody=json.dumps({"title": "Momo"}))
            dev.wait_for(told, after=seen)


def test_a_declaration_that_cannot_be_read_is_told_and_the_service_runs_on_with_what_was_saved(dev, declared):
    seen = len(dev.output)
    save(declared, CONSUMERS.replace('"wishes", idempotent="title"', '"wish" + "es"'))

    dev.wait_for(r"demo/consumers.py:12 has 'wish' \+ 'es'.*Until then its events stay as they were", after=seen)
    dev.wait_for(r"INIT +environment \d+ is up", after=seen)

    assert dev.client.get("/api/v1/books").status_code == 200
