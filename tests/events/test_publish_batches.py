"""Messages are packed into as few requests as their service takes, and each one's fate is told."""

from __future__ import annotations

import asyncio

import pytest
from botocore.exceptions import ClientError

from fastlambda import FailedMessage, PublishError
from fastlambda.events.declarations import Destination
from fastlambda.events.publish_batches import Batches
from fastlambda.events.publish_origin import Origin
from fastlambda.events.publish_requests import Answer, Entry, QueueRequests

QUEUE = Destination(kind="sqs", name="book-imports")
LIMIT = 1000
LIMITED = Answer(None, "InternalError", "Try again", transient=True)
REFUSED = Answer(None, "InvalidMessageContents", "What a message")


class Service:
    """Takes every message but those for which it has other answers, which it gives one after the other."""

    destination = QUEUE
    limit = LIMIT

    def __init__(self, **others) -> None:
        self._others = {name: list(answers) for name, answers in others.items()}
        self.requests = []

    def send(self, entries):
        names = [entry.parameters["name"] for entry in entries]
        self.requests.append(names)
        answers = [self._others[name].pop(0) if self._others.get(name) else Answer(f"id-{name}") for name in names]
        if failures := [answer for answer in answers if isinstance(answer, Exception)]:
            raise failures[0]
        return answers


def entries(count, size=1):
    return [Entry({"name": f"m{number}"}, size) for number in range(count)]


def send(service, messages, **options):
    return asyncio.run(Batches(service, **options).send(messages))


def refusal(service, messages, **options):
    with pytest.raises(PublishError) as caught:
        send(service, messages, **options)
    return caught.value


def test_a_request_has_ten_messages_at_most():
    service = Service()
    assert send(service, entries(25)) == [f"id-m{number}" for number in range(25)]
    assert sorted(map(len, service.requests)) == [5, 10, 10]


def test_a_request_has_no_more_bytes_than_its_service_takes_and_one_larger_message_goes_alone():
    service = Service()
    send(service, [*entries(3, 400), Entry({"name": "large"}, LIMIT + 1), Entry({"name": "small"}, 1)], in_order=True)
    assert service.requests == [["m0", "m1"], ["m2"], ["large"], ["small"]]


def test_nothing_to_send_is_no_request():
    service = Service()
    assert send(service, []) == []
    assert service.requests == []


def test_what_the_service_has_not_taken_for_a_reason_of_its_own_is_sent_again_alone():
    service = Service(m1=[LIMITED, LIMITED])
    assert send(service, entries(3)) == ["id-m0", "id-m1", "id-m2"]
    assert service.requests == [["m0", "m1", "m2"], ["m1"], ["m1"]]


def test_messages_that_are_not_taken_are_named_and_the_ids_of_the_others_are_known():
    error = refusal(Service(m1=[REFUSED], m2=[LIMITED] * 3), entries(4))
    assert error.failed == (
        FailedMessage(index=1, code="InvalidMessageContents", message="What a message"),
        FailedMessage(index=2, code="InternalError", message="Try again"),
    )
    assert error.sent == {0: "id-m0", 3: "id-m3"}
    assert str(error) == (
        "2 of 4 messages were not published to sqs:book-imports: "
        "InvalidMessageContents: What a message (message 1); InternalError: Try again (message 2)"
    )


def test_a_request_that_fails_as_a_whole_is_the_cause_and_the_last_one():
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "No"}}, "SendMessageBatch")
    service = Service(m10=[denied])
    error = refusal(service, entries(25), in_order=True)
    assert service.requests == [[f"m{number}" for number in range(start, start + 10)] for start in (0, 10)]
    assert error.__cause__ is denied
    assert len(error.sent) == 10
    assert str(error).endswith(
        "AccessDenied: No (message 10, 11, 12, 13, 14, 15, 16, 17, 18, 19); "
        "NotSent: it was not sent after others had failed (message 20, 21, 22, 23, 24)"
    )


def test_a_failure_in_order_is_not_sent_again_and_nothing_follows_it():
    service = Service(m3=[LIMITED])
    error = refusal(service, entries(12), in_order=True)
    assert len(service.requests) == 1
    assert [one.index for one in error.failed] == [3, 10, 11]


def test_a_message_of_a_queue_carries_the_trace_header_and_a_deduplication_id_of_its_own():
    requests = QueueRequests(
        Destination(kind="sqs", name="orders.fifo"), Origin(correlation_id="r-1", trace_header="Root=1-2-3"), None, {}
    )
    first, second = (requests.entry("text", "group", None).parameters for _ in range(2))
    header = {"DataType": "String", "StringValue": "Root=1-2-3"}
    assert first["MessageSystemAttributes"] == {"AWSTraceHeader": header}
    assert first["MessageAttributes"] == {"correlation_id": {"DataType": "String", "StringValue": "r-1"}}
    assert first["MessageDeduplicationId"] != second["MessageDeduplicationId"]


def test_what_is_published_outside_of_an_event_carries_nothing():
    requests = QueueRequests(QUEUE, Origin(correlation_id=None, trace_header=None), None, {})
    assert requests.entry("text", None, None).parameters == {"MessageBody": "text"}
