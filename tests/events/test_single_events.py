"""SNS, EventBridge and schedules: one record per event, whose failure fails the invocation, so that Lambda retries."""

from __future__ import annotations

import json

import pytest
from http_events import body_of, http_api
from queue_events import arn, eventbridge, failed, scheduled, scheduled_by_a_rule, sns, sqs, sqs_record

APP = """
    import os
    from decimal import Decimal
    from typing import Annotated

    from fastapi import Depends, FastAPI
    from fastlambda import EventRouter, FastLambda, logger
    from fastlambda.events import EventBridgeEvent, ScheduledEvent, SnsMessage
    from pydantic import BaseModel

    app = FastAPI()
    events = EventRouter(unknown=os.environ.get("UNKNOWN", "raise"))

    class Price(BaseModel):
        title: str
        price: Decimal

    async def session():
        yield "session"
        logger.info("session closed")

    @events.sns("price-changes")
    async def price_changed(price: Price, message: SnsMessage, session: Annotated[str, Depends(session)]) -> None:
        logger.info("price", extra={
            "price": str(price.price), "topic": message.topic_arn, "subject": message.subject,
            "attributes": {name: repr(value) for name, value in message.message_attributes.items()},
            "published_at": message.published_at.isoformat(),
        })
        if price.price < 0:
            raise ValueError("a negative price")

    @events.eventbridge(source="fastapi-books", detail_type="BookCreated")
    async def book_created(price: Price, event: EventBridgeEvent) -> None:
        logger.info("created", extra={"price": str(price.price), "event_id": event.id, "resources": event.resources})
        if price.title == "exit":
            raise SystemExit("no")

    @events.eventbridge(source="aws.s3")
    async def anything_of_s3(detail: str, event: EventBridgeEvent) -> None:
        logger.info("s3", extra={"detail": detail, "type": event.detail_type})

    @events.schedule("rate(1 hour)", name="hourly")
    def every_hour(event: ScheduledEvent) -> None:
        logger.info("hour", extra={"arn": event.arn, "time": event.time.isoformat()})

    @events.sqs("book-imports")
    async def import_book(text: str) -> None: ...

    @app.get("/books")
    async def books():
        return ["Dune"]

    handler = FastLambda(app, events=events)
"""
PRICE = {"title": "Dune", "price": "9.90"}


def test_a_message_of_a_topic_is_validated_and_has_dependencies(deploy) -> None:
    done = deploy(APP).invoke(sns(PRICE))
    assert (done.answer, done.error) == (None, None)
    line = done.log("price")
    assert (line["price"], line["subject"]) == ("9.90", "TestInvoke")
    assert line["topic"] == arn("sns", "price-changes")
    assert line["published_at"] == "2019-01-02T12:45:07+00:00"
    assert line["attributes"] == {"currency": "'EUR'", "pages": "Decimal('12.50')", "cover": r"b'\x89PN'"}
    assert done.log("session closed")["message_id"] == line["message_id"]


def test_an_exception_fails_the_invocation_and_is_logged_with_the_keys_of_its_record(deploy) -> None:
    done = deploy(APP).invoke(sns({**PRICE, "price": -1}))
    assert (done.error["errorType"], done.error["errorMessage"]) == ("ValueError", "a negative price")
    line = done.log("Unhandled exception in the consumer")
    assert line["route"] == "sns:price-changes"
    assert line["message_id"] == line["correlation_id"] == "95df01b4-ee98-5cb9-9903-4c221d41eb5e"


def test_an_invalid_message_fails_the_invocation_without_showing_its_values(deploy) -> None:
    done = deploy(APP).invoke(sns({"price": "s3cret"}))
    assert done.error["errorType"] == "InvalidMessageError"
    assert "title: Field required; price: Input should be a valid decimal" in done.error["errorMessage"]
    assert "s3cret" not in json.dumps(done.error) + "".join(done.lines)


def test_the_detail_of_an_event_is_the_message(deploy) -> None:
    line = deploy(APP).invoke(eventbridge(PRICE)).log("created")
    assert (line["price"], line["event_id"]) == ("9.90", "6a7e8feb-b491-4cf7-a9f1-bf3703467718")
    assert line["route"] == "eventbridge:book_created"


def test_a_consumer_that_exits_fails_the_invocation_and_not_the_environment(deploy) -> None:
    function = deploy(APP)
    assert function.invoke(eventbridge({**PRICE, "title": "exit"})).error["errorType"] == "AppExitedError"
    assert function.invoke(eventbridge(PRICE)).error is None


def test_a_consumer_without_a_detail_type_takes_every_event_of_its_source(deploy) -> None:
    event = eventbridge({"key": "Bücher"}, source="aws.s3", detail_type="Object Created")
    line = deploy(APP).invoke(event).log("s3")
    assert (line["detail"], line["type"]) == ('{"key": "Bücher"}', "Object Created")


@pytest.mark.parametrize("event", [scheduled_by_a_rule("hourly"), scheduled("hourly")], ids=["rule", "scheduler"])
def test_a_schedule_runs_its_function(deploy, event) -> None:
    line = deploy(APP).invoke(event).log("hour")
    assert (line["arn"], line["time"]) == (event["resources"][0], "2017-12-22T18:43:48+00:00")
    assert line["route"] == "schedule:hourly"


UNKNOWN = [
    pytest.param(sns(PRICE, topic="others"), f"an event of kind sns from {arn('sns', 'others')}", id="topic"),
    pytest.param(eventbridge({}, detail_type="BookSold"), "'BookSold' from 'fastapi-books'", id="event"),
    pytest.param(scheduled("daily"), "schedule/default/daily", id="schedule"),
    pytest.param({"warm": True}, "an event with the keys warm", id="unknown shape"),
    pytest.param(
        {"Records": [{"eventSource": "aws:s3", "s3": {}}]}, "a batch of records from aws:s3", id="unknown records"
    ),
    pytest.param({"Records": []}, "an event with the keys Records", id="no records"),
    pytest.param([], "a JSON list for an event", id="list"),
]


@pytest.mark.parametrize(("event", "named"), UNKNOWN)
def test_an_event_for_nobody_fails_and_says_what_it_is(deploy, event, named) -> None:
    error = deploy(APP).invoke(event).error
    assert error["errorType"] in ("NoConsumerError", "UnknownEventError")
    assert named in error["errorMessage"]


@pytest.mark.parametrize(("event", "named"), UNKNOWN)
def test_an_event_for_nobody_is_a_warning_when_the_router_says_so(deploy, event, named) -> None:
    done = deploy(APP, UNKNOWN="ignore").invoke(event)
    assert (done.answer, done.error) == (None, None)
    (line,) = done.logs
    assert line["level"] == "WARNING"
    assert named in line["message"]


@pytest.mark.parametrize("policy", ["raise", "ignore"])
def test_messages_of_a_queue_that_nobody_consumes_are_never_ignored_for_sqs_would_delete_them(deploy, policy) -> None:
    error = deploy(APP, UNKNOWN=policy).invoke(sqs("precious", queue="others")).error
    assert error["errorType"] == "NoConsumerError"
    assert "sqs:book-imports" in error["errorMessage"]


def test_a_batch_of_two_queues_is_none_that_lambda_sends(deploy) -> None:
    batch = {"Records": [sqs_record("a", "1"), sqs_record("b", "2", queue="others")]}
    assert deploy(APP).invoke(batch).error["errorType"] == "NoConsumerError"


@pytest.mark.parametrize("named", ["books-dev-book-imports", arn("sqs", "books-dev-book-imports")])
def test_a_deployed_queue_may_be_called_otherwise_than_it_was_declared(deploy, named) -> None:
    function = deploy(APP, FASTLAMBDA_EVENT_SOURCES=json.dumps({"sqs:book-imports": named}))
    assert function.invoke(sqs("a", queue="books-dev-book-imports")).answer == failed()
    assert function.invoke(sqs("a")).error["errorType"] == "NoConsumerError"


def test_http_requests_are_answered_as_ever(deploy) -> None:
    answer = deploy(APP).invoke(http_api("/books")).answer
    assert (answer["statusCode"], body_of(answer)) == (200, b'["Dune"]')
