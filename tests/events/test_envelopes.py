"""Messages within envelopes within envelopes, and what the envelopes say."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from queue_events import arn, eventbridge, notification, sns, sqs_record

from fastlambda.errors import InvalidMessageError
from fastlambda.events import EventBridgeEvent, SnsMessage, SqsMessage
from fastlambda.events.record import Record

BOOK = {"title": "Bücher"}


@pytest.mark.parametrize(
    ("body", "text", "envelopes"),
    [
        pytest.param(BOOK, json.dumps(BOOK), [], id="raw"),
        pytest.param(notification(BOOK), json.dumps(BOOK), [SnsMessage], id="topic"),
        pytest.param(notification("no JSON"), "no JSON", [SnsMessage], id="text of a topic"),
        pytest.param(eventbridge(BOOK), '{"title": "Bücher"}', [EventBridgeEvent], id="bus"),
        pytest.param(
            notification(eventbridge(BOOK)), '{"title": "Bücher"}', [SnsMessage, EventBridgeEvent], id="bus and topic"
        ),
    ],
)
def test_a_message_of_a_queue_is_taken_out_of_what_it_came_in(body, text, envelopes) -> None:
    record = Record("sqs", sqs_record(body))
    assert record.text() == text
    for envelope in (SqsMessage, *envelopes):
        assert isinstance(record.envelope(envelope), envelope)
    for missing in {SnsMessage, EventBridgeEvent} - set(envelopes):
        with pytest.raises(InvalidMessageError, match=f"There is no {missing.__name__}"):
            record.envelope(missing)


@pytest.mark.parametrize(
    "body",
    [
        {"Type": "Notification", "TopicArn": "mine"},
        {**notification(BOOK), "Type": "SubscriptionConfirmation"},
        {"detail-type": "mine", "detail": BOOK},
        ["TopicArn"],
        '"TopicArn" and no JSON',
        '["TopicArn", "detail-type"]',
    ],
)
def test_what_only_resembles_an_envelope_is_the_message(body) -> None:
    record = Record("sqs", sqs_record(body))
    assert record.text() == (body if isinstance(body, str) else json.dumps(body))


def test_a_message_is_left_in_its_envelope_on_request() -> None:
    record = Record("sqs", sqs_record(notification(BOOK)), unwrap=False)
    assert json.loads(record.text())["Type"] == "Notification"


def test_a_topic_that_is_fed_by_a_bus_gives_the_detail() -> None:
    record = Record("sns", sns(eventbridge(BOOK))["Records"][0])
    assert record.text() == '{"title": "Bücher"}'
    assert record.envelope(EventBridgeEvent).detail_type == "BookCreated"


def test_a_message_of_a_queue_says_what_sqs_and_its_sender_said() -> None:
    data = sqs_record(
        "body",
        "m-1",
        queue="orders.fifo",
        ApproximateReceiveCount="2",
        MessageGroupId="a",
        MessageDeduplicationId="d",
        SequenceNumber="18849496460467696128",
    )
    data["messageAttributes"] = {
        "text": {"stringValue": "x", "stringListValues": [], "binaryListValues": [], "dataType": "String"},
        "number": {"stringValue": "1.50", "dataType": "Number.float"},
        "bytes": {"binaryValue": "iVBO", "dataType": "Binary.png"},
    }
    assert Record("sqs", data).envelope(SqsMessage) == SqsMessage(
        message_id="m-1",
        queue_arn=arn("sqs", "orders.fifo"),
        body="body",
        receive_count=2,
        sent_at=datetime(2018, 12, 17, 21, 37, 29, 183000, UTC),
        first_received_at=datetime(2018, 12, 17, 21, 37, 29, 185000, UTC),
        receipt_handle=data["receiptHandle"],
        message_attributes={"text": "x", "number": Decimal("1.50"), "bytes": b"\x89PN"},
        attributes=data["attributes"],
        group_id="a",
        deduplication_id="d",
        sequence_number="18849496460467696128",
    )


def test_an_event_of_a_bus_says_what_its_sender_said() -> None:
    event = eventbridge(BOOK)
    assert Record("eventbridge", event).envelope(EventBridgeEvent) == EventBridgeEvent(
        id=event["id"],
        source="fastapi-books",
        detail_type="BookCreated",
        detail=BOOK,
        time=datetime(2017, 12, 22, 18, 43, 48, tzinfo=UTC),
        account="123456789012",
        region="us-east-1",
        resources=tuple(event["resources"]),
    )
