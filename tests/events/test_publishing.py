"""What a function publishes arrives, with the correlation id and the trace of what published it."""

from __future__ import annotations

import json

import pytest
from access_keys import of_environment
from deployed_function import TRACE_ID, InitFailedError
from http_events import http_api
from queue_events import failed, sns, sqs_record

APP = """
    from dataclasses import dataclass
    from typing import Annotated

    from fastapi import Body, FastAPI
    from fastlambda import EventRouter, FastLambda, FastLambdaError, logger
    from fastlambda.events import EventBridgeEvent, SqsMessage
    from fastlambda.observe.tracing import trace_header
    from pydantic import BaseModel, Field

    app = FastAPI()
    events = EventRouter()

    class Book(BaseModel):
        title: str = Field(alias="Title")

    imports = events.queue("book-imports", Book)
    texts = events.queue("texts", str)
    orders = events.queue("orders.fifo", Book)
    prices = events.topic("price-changes", Book)
    moves = events.topic("moves.fifo", Book)
    bus = events.bus(source="fastapi-books")

    def book(title):
        return Book(Title=title)

    @app.post("/send")
    async def send(titles: list[str]):
        logger.info("sending", extra={"header": trace_header()})
        if len(titles) == 1:
            return await imports.send(book(titles[0]), attributes={"pages": 412, "language": "de"})
        return await imports.send_many(map(book, titles))

    @app.post("/text")
    async def text(text: Annotated[str, Body()]):
        return await texts.send(text)

    @app.post("/order")
    async def order(titles: list[str]):
        return await orders.send_many(map(book, titles), group=lambda book: book.title[0])

    @app.post("/move")
    async def move(titles: list[str]):
        await moves.publish(book(titles[0]), group="a", deduplication_id="first")
        await moves.publish(book(titles[0]), group="a", deduplication_id="first")
        return await moves.publish_many(map(book, titles), group=lambda book: book.title[0])

    @app.post("/publish")
    async def publish(title: Annotated[str, Body()]):
        return [await prices.publish(book(title)), await bus.put("BookCreated", book(title), resources=["urn:mine"])]

    @app.post("/wrong")
    async def wrong(what: Annotated[str, Body()]):
        try:
            match what:
                case "type":
                    await imports.send({"password": "s3cret"})
                case "detail":
                    await bus.put("BookCreated", ["s3cret"])
                case "group":
                    await orders.send(book("Dune"))
                case "group of a topic":
                    await moves.publish(book("Dune"))
                case "deduplication of a topic":
                    await prices.publish(book("Dune"), deduplication_id="1")
                case "delay":
                    await imports.send(book("Dune"), delay=1000)
                case "deduplication":
                    await imports.send(book("Dune"), deduplication_id="1")
        except FastLambdaError as error:
            return f"{type(error).__name__}: {error}"

    @events.sqs("book-imports", batch_size=100, window=1)
    async def import_book(book: Book, message: SqsMessage) -> None:
        logger.info("imported", extra={"title": book.title, "header": trace_header()})
        if book.title == "again":
            await texts.send(book.title)

    @events.sns("price-changes")
    async def price_changed(book: Book) -> None:
        logger.info("price changed")

    @events.eventbridge(source="fastapi-books")
    async def book_created(book: Book, event: EventBridgeEvent) -> None:
        logger.info("created", extra={"resources": event.resources})

    @events.schedule("rate(1 hour)")
    async def hourly() -> None:
        await texts.send("hourly")

    handler = FastLambda(app, events=events)
"""
OWN_TRACE = "1-5f84c7a1-3f4e5d6c7b8a99887766aabb"
OWN_PARENT = "0011223344556677"
TRACED = {"AWSTraceHeader": f"Root={OWN_TRACE};Parent={OWN_PARENT};Sampled=1"}


class Shop:
    """A function and the queues that all it publishes ends in."""

    def __init__(self, deploy, aws) -> None:
        self._sqs = aws.client("sqs")
        sns, events = aws.client("sns"), aws.client("events")
        self._urls = {
            name: self._queue(name) for name in ("book-imports", "texts", "orders.fifo", "moves.fifo", "seen")
        }
        arns = {name: url.split("/")[-1] for name, url in self._urls.items()}
        arns = {name: f"arn:aws:sqs:{aws.region}:000000000000:{queue}" for name, queue in arns.items()}
        services = {"Service": ["sns.amazonaws.com", "events.amazonaws.com"]}
        for name in ("seen", "moves.fifo"):
            statement = {"Effect": "Allow", "Principal": services, "Action": "sqs:SendMessage", "Resource": arns[name]}
            policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            self._sqs.set_queue_attributes(QueueUrl=self._urls[name], Attributes={"Policy": policy})
        topic = sns.create_topic(Name="price-changes")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arns["seen"])
        moves = sns.create_topic(Name="moves.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
        sns.subscribe(TopicArn=moves, Protocol="sqs", Endpoint=arns["moves.fifo"])
        events.put_rule(Name="all", EventPattern=json.dumps({"source": ["fastapi-books"]}))
        events.put_targets(Rule="all", Targets=[{"Id": "seen", "Arn": arns["seen"]}])
        destinations = {
            **{f"sqs:{name}": arn for name, arn in arns.items()},
            "sns:price-changes": topic,
            "sns:moves.fifo": moves,
            "eventbridge:default": f"arn:aws:events:{aws.region}:000000000000:event-bus/default",
        }
        self.function = deploy(
            APP,
            AWS_ENDPOINT_URL=aws.endpoint_url,
            FASTLAMBDA_EVENT_DESTINATIONS=json.dumps(destinations),
            **of_environment(aws.keys),
        )

    def post(self, path, body, **options):
        done = self.function.invoke(
            http_api(path, method="POST", headers={"content-type": "application/json"}, body=json.dumps(body)),
            **options,
        )
        return done, json.loads(done.answer["body"])

    def received(self, name, count=1):
        messages = []
        while len(messages) < count:
            answer = self._sqs.receive_message(
                QueueUrl=self._urls[name],
                MaxNumberOfMessages=10,
                WaitTimeSeconds=5,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            )
            for message in answer.get("Messages") or pytest.fail(f"{name} has {messages}"):
                self._sqs.delete_message(QueueUrl=self._urls[name], ReceiptHandle=message["ReceiptHandle"])
                messages.append(message)
        return messages

    def _queue(self, name):
        attributes = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        return self._sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]


@pytest.fixture(scope="module")
def published(deploy, local_aws):
    return Shop(deploy, local_aws)


def test_a_message_is_what_its_consumer_reads_with_the_attributes_beside_it(published):
    _, message_id = published.post("/send", ["Dune"])
    (message,) = published.received("book-imports")
    assert message["MessageId"] == message_id
    assert message["Body"] == '{"Title":"Dune"}'
    attributes = message["MessageAttributes"]
    assert (attributes["pages"]["DataType"], attributes["pages"]["StringValue"]) == ("Number", "412")
    assert attributes["language"]["StringValue"] == "de"
    assert published.function.invoke({"Records": [sqs_record(message["Body"])]}).answer == failed()


def test_a_message_of_str_is_the_text_itself(published):
    published.post("/text", 'Bücher & "more"')
    (message,) = published.received("texts")
    assert message["Body"] == 'Bücher & "more"'


def test_more_messages_than_a_request_takes_are_all_sent_and_their_ids_are_in_their_order(published):
    titles = [f"book {number}" for number in range(25)]
    _, ids = published.post("/send", titles)
    messages = {one["MessageId"]: json.loads(one["Body"])["Title"] for one in published.received("book-imports", 25)}
    assert [messages[one] for one in ids] == titles


def test_messages_of_a_fifo_queue_keep_their_order_and_equal_ones_stay_two(published):
    titles = ["a1", "b1", "a1", *[f"a{number}" for number in range(2, 12)]]
    published.post("/order", titles)
    messages = published.received("orders.fifo", len(titles))
    assert {one["Attributes"]["MessageGroupId"] for one in messages} == {"a", "b"}
    assert [json.loads(one["Body"])["Title"] for one in messages if one["Attributes"]["MessageGroupId"] == "a"] == [
        title for title in titles if title.startswith("a")
    ]


def test_messages_of_a_fifo_topic_keep_their_order_in_the_queues_that_subscribe(published):
    titles = ["a1", "b1", "a1", *[f"a{number}" for number in range(2, 12)]]
    _, ids = published.post("/move", titles)
    messages = published.received("moves.fifo", len(titles) + 1)
    notifications = [json.loads(one["Body"]) for one in messages]
    assert [one["MessageId"] for one in notifications[1:]] == ids
    in_order = [json.loads(one["Message"])["Title"] for one in notifications]
    assert [title for title in in_order if title.startswith("a")] == [
        "a1", *(title for title in titles if title.startswith("a"))
    ]  # fmt: skip
    assert {one["Attributes"]["MessageGroupId"] for one in messages} == {"a", "b"}


def test_a_request_and_the_message_that_it_sent_have_one_correlation_id_and_one_trace(published):
    request, _ = published.post("/send", ["Dune"], sampled=True)
    sending = request.log("sending")
    (message,) = published.received("book-imports")
    assert sending["header"] == f"Root={TRACE_ID};Parent={request.segment('## handler')['id']};Sampled=1"

    record = sqs_record(message["Body"], AWSTraceHeader=sending["header"])
    record["messageAttributes"] = {
        name: {"dataType": value["DataType"], "stringValue": value["StringValue"]}
        for name, value in message["MessageAttributes"].items()
    }
    other = f"Root={OWN_TRACE};Parent={OWN_PARENT};Sampled=0"
    line = published.function.invoke({"Records": [record]}, trace=other).log("imported")
    assert line["correlation_id"] == sending["correlation_id"]
    assert line["xray_trace_id"] == sending["xray_trace_id"] == TRACE_ID


def test_a_record_is_traced_where_its_message_was_sent_although_its_batch_has_a_trace_of_its_own(published):
    records = [sqs_record({"Title": "Dune"}, "1", **TRACED), sqs_record({"Title": "Momo"}, "2")]
    done = published.function.invoke({"Records": records}, sampled=True)
    found = {
        one["annotations"]["message_id"]: one for one in done.all_segments() if one["name"] == "## sqs:book-imports"
    }
    assert (found["1"]["trace_id"], found["1"]["parent_id"]) == (OWN_TRACE, OWN_PARENT)
    assert (found["2"]["trace_id"], found["2"]["parent_id"]) == (TRACE_ID, done.segment("## handler")["id"])
    lines = {line["message_id"]: line["xray_trace_id"] for line in done.logs if line["message"] == "imported"}
    assert lines == {"1": OWN_TRACE, "2": TRACE_ID}


@pytest.mark.parametrize("header", ["Root=1-x;Parent=1;Sampled=1", f"Root={OWN_TRACE}", "=;=", ""])
def test_a_tracing_header_that_is_none_is_not_followed(published, header):
    records = [sqs_record({"Title": "Dune"}, AWSTraceHeader=header)]
    done = published.function.invoke({"Records": records}, sampled=True)
    assert done.answer == failed()
    assert done.segment("## sqs:book-imports")["trace_id"] == TRACE_ID


def test_what_a_consumer_publishes_goes_on_with_the_trace_and_the_correlation_id_of_its_message(published):
    record = sqs_record({"Title": "again"}, **TRACED)
    record["messageAttributes"] = {"correlation_id": {"dataType": "String", "stringValue": "request-1"}}
    done = published.function.invoke({"Records": [record]})
    (message,) = published.received("texts")
    assert message["MessageAttributes"]["correlation_id"]["StringValue"] == "request-1"
    subsegment = done.segment("## sqs:book-imports")
    assert done.log("imported")["header"] == f"Root={OWN_TRACE};Parent={subsegment['id']};Sampled=1"


@pytest.mark.parametrize("forged", ["two\nlines", "x" * 300, "", 7, None])
def test_a_correlation_id_that_is_none_is_not_taken_over(published, forged):
    record = sqs_record({"Title": "Dune"}, "m-1")
    record["messageAttributes"] = {"correlation_id": {"dataType": "String", "stringValue": forged}}
    assert published.function.invoke({"Records": [record]}).log("imported")["correlation_id"] == "m-1"


def test_a_topic_and_a_bus_carry_the_correlation_id_too(published):
    request, _ = published.post("/publish", "Dune")
    correlation_id = request.log("POST /publish 200")["correlation_id"]
    for message in published.received("seen", 2):
        done = published.function.invoke({"Records": [sqs_record(message["Body"])]})
        assert done.log("imported")["correlation_id"] == correlation_id
        envelope = json.loads(message["Body"])
        if "detail" in envelope:
            line = published.function.invoke(envelope).log("created")
            assert line["resources"] == ["urn:mine"]
        else:
            event = sns({"Title": "Dune"})
            event["Records"][0]["Sns"]["MessageAttributes"] = envelope["MessageAttributes"]
            line = published.function.invoke(event).log("price changed")
        assert line["correlation_id"] == correlation_id


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("type", "InvalidMessageError: Message 0 is none for sqs:book-imports, and nothing was sent: dict is of"),
        ("detail", "InvalidMessageError: Message 0 is none for eventbridge:default, and nothing was sent: list is no"),
        ("group", "PublishError: A message for sqs:orders.fifo needs a group"),
        ("group of a topic", "PublishError: A message for sns:moves.fifo needs a group: it is a FIFO topic"),
        ("deduplication of a topic", "PublishError: A message for sns:price-changes cannot have a deduplication_id"),
        ("delay", "PublishError: The delay is 1000"),
        ("deduplication", "PublishError: A message for sqs:book-imports cannot have a deduplication_id"),
    ],
)
def test_what_cannot_be_published_is_told_without_its_values(published, what, why):
    done, told = published.post("/wrong", what)
    assert told.startswith(why)
    assert "s3cret" not in told + "".join(done.lines)


def test_a_destination_that_nobody_says_where_it_is_stops_the_start_and_names_those_that_are_known(deploy):
    with pytest.raises(InitFailedError, match=r"Nothing says where sqs:texts is: FASTLAMBDA_EVENT_DESTINATIONS has "):
        deploy(APP, FASTLAMBDA_EVENT_DESTINATIONS='{"sqs:book-imports": "arn:aws:sqs:us-east-1:000000000000:b"}')
