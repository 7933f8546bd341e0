"""What a record says beside its message, typed, and how messages are taken out of envelopes within envelopes."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

from starlette.requests import HTTPConnection

from fastlambda.errors import InvalidMessageError
from fastlambda.events.publish_origin import RESOURCE, of_attribute, of_resources
from fastlambda.frozen import Frozen

if TYPE_CHECKING:
    from fastlambda.events.record import Record

SCOPE_KEY = "fastlambda.record"

AttributeValue = str | bytes | Decimal
"""A message attribute: of the type String or String.Array its text, of Binary the bytes, of Number the number."""


class Envelope(Frozen):
    """The base of all envelopes: a consumer names one as a parameter's type, a dependency writes `Depends(X.of)`."""

    @classmethod
    def of(cls, connection: HTTPConnection) -> Self:
        """Return the envelope of the record that is being handled: `Annotated[SqsMessage, Depends(SqsMessage.of)]`.

        Raises:
            InvalidMessageError: the record came without such an envelope, or what is handled is an HTTP request.

        """
        record: Record | None = connection.scope.get(SCOPE_KEY)
        if record is None:
            raise InvalidMessageError(f"There is no {cls.__name__}", why="this is an HTTP request")
        return record.envelope(cls)


class SqsMessage(Envelope):
    """A message of a queue.

    Attributes:
        message_id: Its id, the same at every delivery.
        queue_arn: The queue.
        body: The whole body, as it was sent.
        receive_count: How often it has been delivered, this time included.
        sent_at: When it was sent, in UTC.
        first_received_at: When it was delivered first, in UTC.
        receipt_handle: What SQS knows this delivery by.
        message_attributes: What the sender put beside the body.
        attributes: What SQS itself says, under SQS's own names.
        group_id: The message group; None outside FIFO queues, and for messages without one.
        deduplication_id: FIFO queues only.
        sequence_number: FIFO queues only.

    """

    message_id: str
    queue_arn: str
    body: str
    receive_count: int
    sent_at: datetime
    first_received_at: datetime
    receipt_handle: str
    message_attributes: Mapping[str, AttributeValue]
    attributes: Mapping[str, str]
    group_id: str | None = None
    deduplication_id: str | None = None
    sequence_number: str | None = None

    @classmethod
    def from_event(cls, record: Mapping[str, Any]) -> Self:
        """Read a record of Lambda's event ("Using Lambda with Amazon SQS", example event)."""
        attributes = record["attributes"]
        return cls(
            message_id=record["messageId"],
            queue_arn=record["eventSourceARN"],
            body=record["body"],
            receive_count=int(attributes["ApproximateReceiveCount"]),
            sent_at=_from_milliseconds(attributes["SentTimestamp"]),
            first_received_at=_from_milliseconds(attributes["ApproximateFirstReceiveTimestamp"]),
            receipt_handle=record["receiptHandle"],
            message_attributes={
                name: _attribute(value["dataType"], value.get("stringValue", value.get("binaryValue", "")))
                for name, value in record.get("messageAttributes", {}).items()
            },
            attributes=attributes,
            group_id=attributes.get("MessageGroupId"),
            deduplication_id=attributes.get("MessageDeduplicationId"),
            sequence_number=attributes.get("SequenceNumber"),
        )


class SnsMessage(Envelope):
    """A notification of a topic, delivered by the topic itself or through a queue.

    Attributes:
        message_id: Its id.
        topic_arn: The topic.
        message: The whole message, as it was published.
        published_at: When, in UTC.
        subject: Its subject; None without one.
        message_attributes: What the publisher put beside the message.
        correlation_id: That of what published it; None without one.

    """

    message_id: str
    topic_arn: str
    message: str
    published_at: datetime
    subject: str | None
    message_attributes: Mapping[str, AttributeValue]
    correlation_id: str | None = None

    @classmethod
    def from_notification(cls, notification: Mapping[str, Any]) -> Self:
        """Read a notification: `Sns` of a record of Lambda's event, or the JSON that SNS sends to a queue."""
        return cls(
            message_id=notification["MessageId"],
            topic_arn=notification["TopicArn"],
            message=notification["Message"],
            published_at=datetime.fromisoformat(notification["Timestamp"]),
            subject=notification.get("Subject"),
            message_attributes={
                name: _attribute(value["Type"], value["Value"])
                for name, value in (notification.get("MessageAttributes") or {}).items()
            },
            correlation_id=of_attribute(notification.get("MessageAttributes"), "Value"),
        )


class EventBridgeEvent(Envelope):
    """An event of a bus, delivered by its rule or through a queue or a topic.

    Attributes:
        id: Its id.
        source: Who sent it.
        detail_type: What it is.
        detail: What it says.
        time: When it happened, in UTC.
        account: The account that sent it.
        region: The region that it was sent in.
        resources: The ARNs that it is about.
        correlation_id: That of what put it on the bus; None without one.

    """

    id: str
    source: str
    detail_type: str
    detail: Any
    time: datetime
    account: str
    region: str
    resources: tuple[str, ...]
    correlation_id: str | None = None

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self:
        """Read an event (Amazon EventBridge User Guide, "AWS service event metadata")."""
        return cls(
            id=event["id"],
            source=event["source"],
            detail_type=event["detail-type"],
            detail=event["detail"],
            time=datetime.fromisoformat(event["time"]),
            account=event["account"],
            region=event["region"],
            resources=tuple(one for one in event["resources"] if not str(one).startswith(RESOURCE)),
            correlation_id=of_resources(event["resources"]),
        )


class ScheduledEvent(Envelope):
    """A schedule that is due.

    Attributes:
        id: The id of this run.
        time: The time for which it was scheduled, in UTC.
        arn: The schedule, or the rule.

    """

    id: str
    time: datetime
    arn: str

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self:
        """Read the event of a rule with a schedule, or the default event of EventBridge Scheduler."""
        return cls(id=event["id"], time=datetime.fromisoformat(event["time"]), arn=event["resources"][0])


_NOTIFICATION_KEYS = frozenset({"Type", "MessageId", "TopicArn", "Message", "Timestamp"})
_EVENT_KEYS = frozenset({"id", "source", "detail-type", "detail", "time", "account", "region", "resources"})


def unwrapped(text: str) -> tuple[str, list[SnsMessage | EventBridgeEvent]]:
    """Take a message out of SNS's and EventBridge's envelopes; return it with them, outermost first.

    A topic with raw message delivery, and any other sender, puts no envelope round the message.
    """
    envelopes: list[SnsMessage | EventBridgeEvent] = []
    while (envelope := _envelope(text)) is not None:
        envelopes.append(envelope)
        text = envelope.message if isinstance(envelope, SnsMessage) else json.dumps(envelope.detail, ensure_ascii=False)
    return text, envelopes


def may_be_enveloped(text: str) -> bool:
    """Tell whether a message may be within an envelope: most are not, and need not be parsed to see that."""
    return '"TopicArn"' in text or '"detail-type"' in text


def _envelope(text: str) -> SnsMessage | EventBridgeEvent | None:
    if not may_be_enveloped(text):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    if found.keys() >= _NOTIFICATION_KEYS and found["Type"] == "Notification":
        return SnsMessage.from_notification(found)
    if found.keys() >= _EVENT_KEYS:
        return EventBridgeEvent.from_event(found)
    return None


def _attribute(data_type: str, value: str) -> AttributeValue:
    match data_type.partition(".")[0]:
        case "Number":
            return Decimal(value)
        case "Binary":
            return base64.b64decode(value)
    return value


def _from_milliseconds(value: str) -> datetime:
    return datetime.fromtimestamp(int(value) / 1000, UTC)
