"""Consumers are declared with decorators, checked at once, and readable as plain data."""

from __future__ import annotations

import functools
import json
from typing import Annotated

import pytest
from fastapi import Depends, Form, Header, Query, Request, Response, WebSocket

from fastlambda import EventRouter
from fastlambda.errors import EventDeclarationError, SettingsError
from fastlambda.events import EventBridgeEvent, ScheduledEvent, SnsMessage, SqsMessage
from fastlambda.events.sources import Sources
from fastlambda.settings import Settings


async def consumer() -> None: ...


def declared() -> EventRouter:
    events = EventRouter()
    events.sqs("orders.fifo", concurrency=3, filters=[{"body": {"currency": ["EUR"]}}])(consumer)
    events.sqs("arn:aws:sqs:eu-west-1:123456789012:legacy", batch_size=100, window=5, function="worker")(consumer)
    events.sns("price-changes", filter_policy={"currency": ["EUR"]})(consumer)
    events.eventbridge(source="fastapi-books", detail_type="BookCreated")(consumer)
    events.schedule("cron(0 3 * * ? *)", timezone="Europe/Berlin", name="nightly")(consumer)
    return events


def test_declarations_are_values_that_json_has() -> None:
    written = [declaration.as_json() for declaration in declared().declarations()]
    assert json.loads(json.dumps(written)) == written
    assert written[0] == {
        "kind": "sqs",
        "name": "orders.fifo",
        "consumer": f"{__name__}:consumer",
        "function": None,
        "batch_size": 10,
        "window": 0,
        "fifo": True,
        "concurrency": 3,
        "maximum_concurrency": None,
        "filters": [{"body": {"currency": ["EUR"]}}],
        "max_receive_count": 3,
        "topic": None,
    }


def test_every_consumer_has_a_key_by_which_logs_metrics_and_traces_name_it() -> None:
    assert [declaration.key for declaration in declared().declarations()] == [
        "sqs:orders.fifo",
        "sqs:legacy",
        "sns:price-changes",
        "eventbridge:consumer",
        "schedule:nightly",
    ]


def test_a_declared_function_is_still_itself() -> None:
    assert EventRouter().sqs("book-imports")(consumer) is consumer


@pytest.mark.parametrize(
    ("declare", "why"),
    [
        (lambda events: events.sqs("no name"), "letters, digits"),
        (lambda events: events.sqs("arn:aws:sns:eu-west-1:123456789012:topic"), "neither the name nor the ARN"),
        (lambda events: events.sqs("q", batch_size=0), "not 1 to 10000"),
        (lambda events: events.sqs("q", batch_size=11), "a window of at least 1"),
        (lambda events: events.sqs("q.fifo", batch_size=11, window=1), "not 1 to 10"),
        (lambda events: events.sqs("q.fifo", window=1), "a FIFO queue has no window"),
        (lambda events: events.sqs("q", window=301), "not 0 to 300"),
        (lambda events: events.sqs("q", concurrency=0), "not 1 or more"),
        (lambda events: events.sqs("q", maximum_concurrency=1), "not 2 to 1000"),
        (lambda events: events.sqs("q", max_receive_count=0), "not 1 or more"),
        (lambda events: events.sqs("q", filters=[{"body": {1, 2}}]), "not JSON serializable"),
        (lambda events: events.sqs("q", topic="no name"), "letters, digits"),
        (lambda events: events.sqs("q.fifo", topic="t"), "t keeps no order"),
        (lambda events: events.sqs("arn:aws:sqs:eu-west-1:123456789012:q", topic="t"), "its own policy"),
        (lambda events: events.sns("t.fifo"), "FIFO topic to queues alone"),
        (lambda events: events.sns("no name"), "letters, digits"),
        (lambda events: events.sns("t", filter_scope="Body"), "not one of"),
        (lambda events: events.sns("t", filter_policy={"a": object()}), "not JSON serializable"),
        (lambda events: events.eventbridge(source=""), "its source is empty"),
        (lambda events: events.eventbridge(source="s", name="no name"), "1 to 64"),
        (lambda events: events.schedule("hourly"), "no rate"),
        (lambda events: events.schedule("rate(1 hour)", name="x" * 65), "1 to 64"),
    ],
)
def test_what_aws_would_refuse_is_refused_where_it_is_declared(declare, why) -> None:
    with pytest.raises(EventDeclarationError, match=why):
        declare(EventRouter())(consumer)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (lambda events: events.sqs("q"), lambda events: events.sqs("q")),
        (lambda events: events.sqs("q"), lambda events: events.sqs("arn:aws:sqs:eu-west-1:123456789012:q")),
        (
            lambda events: events.eventbridge(source="s", detail_type="t"),
            lambda events: events.eventbridge(source="s", detail_type="t", name="other", bus="other"),
        ),
        (
            lambda events: events.eventbridge(source="s", detail_type="t"),
            lambda events: events.eventbridge(source="s", name="other"),
        ),
        (lambda events: events.schedule("rate(1 hour)"), lambda events: events.schedule("rate(1 day)")),
    ],
)
def test_two_consumers_of_the_same_events_are_refused(first, second) -> None:
    events = EventRouter()
    first(events)(consumer)
    with pytest.raises(EventDeclarationError, match="two consumers"):
        second(events)(consumer)
    assert len(events.declarations()) == 1


def test_routers_of_other_modules_are_included_once() -> None:
    events = EventRouter()
    events.include(declared())
    assert events.declarations() == declared().declarations()
    with pytest.raises(EventDeclarationError, match="two consumers"):
        events.include(declared())


@pytest.mark.parametrize("options", [{"unknown": "drop"}, {"deadline_reserve": 0}])
def test_a_router_refuses_settings_that_mean_nothing(options) -> None:
    with pytest.raises(EventDeclarationError):
        EventRouter(**options)


async def two_messages(a: dict, b: dict) -> None: ...
async def untyped(message) -> None: ...
async def positional(message: dict, /) -> None: ...
async def many(*messages: dict) -> None: ...
async def by_any_name(**messages: dict) -> None: ...
async def with_query(page: Annotated[int, Query()]) -> None: ...
async def with_header(token: str = Header()) -> None: ...
async def with_form(text: Annotated[str, Form()]) -> None: ...
async def with_response(response: Response) -> None: ...
async def with_socket(socket: WebSocket) -> None: ...
async def with_topic(message: ScheduledEvent) -> None: ...
async def generator(message: dict):
    yield message


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (two_messages, "'a' takes the message already"),
        (untyped, "it has no type"),
        (positional, "by name"),
        (many, "by name"),
        (by_any_name, "by name"),
        (with_query, "no Query parameters"),
        (with_header, "no Header parameters"),
        (with_form, "no Form parameters"),
        (with_response, "no Response"),
        (with_socket, "no WebSocket"),
        (with_topic, "no ScheduledEvent in an event of kind sqs"),
        (generator, "nobody takes what it yields"),
        (functools.partial(consumer), "it has no name"),
    ],
)
def test_a_parameter_that_no_record_can_fill_is_refused_where_it_is_declared(function, why) -> None:
    with pytest.raises(EventDeclarationError, match=why):
        EventRouter().sqs("book-imports")(function)


def test_a_schedule_has_no_message() -> None:
    async def scheduled(message: dict) -> None: ...

    with pytest.raises(EventDeclarationError, match="a schedule has no message"):
        EventRouter().schedule("rate(1 hour)")(scheduled)


def test_dependencies_requests_and_envelopes_take_no_messages_place() -> None:
    async def everything(
        sqs: SqsMessage,
        request: Request,
        text: str,
        dependency: Annotated[str, Depends(lambda: "x")],
        sns: Annotated[SnsMessage, Depends(SnsMessage.of)],
        event: EventBridgeEvent,
        other: str = Depends(lambda: "y"),
    ) -> None: ...

    EventRouter().sqs("book-imports")(everything)


def test_names_of_deployed_resources_have_to_be_of_consumers() -> None:
    declarations = declared().declarations()
    with pytest.raises(SettingsError, match="no such consumer"):
        Sources(declarations, {"sqs:missing": "queue"})
    with pytest.raises(SettingsError, match="it is another's"):
        Sources(declarations, {"sqs:legacy": "orders.fifo"})


@pytest.mark.parametrize("value", ["books", "[]", '{"sqs:books": 1}', '{"sqs:books": "x"'])
def test_names_of_deployed_resources_have_to_be_a_json_object_of_text(value) -> None:
    with pytest.raises(SettingsError, match="must be a JSON object of names or ARNs by source or destination"):
        Settings.from_environment({"FASTLAMBDA_EVENT_SOURCES": value})


def test_names_of_deployed_resources_are_read_by_consumer() -> None:
    value = json.dumps({"sqs:books": "shop-prod-books"})
    assert Settings.from_environment({"FASTLAMBDA_EVENT_SOURCES": value}).event_sources == {
        "sqs:books": "shop-prod-books"
    }
    assert Settings.from_environment({}).event_sources == {}
