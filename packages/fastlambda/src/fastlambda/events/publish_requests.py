"""Messages as the services' batch requests take them, and the services' answers, message by message."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol, TypeAlias

from fastlambda.errors import FailedMessage
from fastlambda.events.declarations import Destination
from fastlambda.events.publish_clients import client, destination_arn
from fastlambda.events.publish_origin import ATTRIBUTE, RESOURCE, Origin

Attribute: TypeAlias = str | bytes | Decimal | float
"""A message attribute: of the type String, Binary or Number."""

_THROTTLED = frozenset({"ThrottlingException", "InternalException", "InternalFailure"})
"""Codes of entries that EventBridge may take when put again (Amazon EventBridge API Reference, "PutEvents")."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of a request.

    Attributes:
        parameters: As the request takes it, without an id.
        size: Bytes that count for the request's limit.

    """

    parameters: Mapping[str, Any]
    size: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one message.

    Attributes:
        message_id: What the service calls it; None for one that it has not taken.
        code: Why not.
        message: The same in words.
        transient: Whether it may be taken when it is sent again.

    """

    message_id: str | None
    code: str = ""
    message: str = ""
    transient: bool = False

    def failure(self, index: int) -> FailedMessage:
        """Return the failure of the message of this index."""
        return FailedMessage(index=index, code=self.code, message=self.message)


class Requests(Protocol):
    """The requests of one service to one destination."""

    destination: Destination
    limit: int
    """Bytes of all entries of a request."""

    def send(self, entries: Sequence[Entry]) -> Sequence[Answer]:
        """Make one request, and wait for its answer; raises what botocore raises."""


class QueueRequests:
    """SendMessageBatch (Amazon SQS API Reference)."""

    limit = 1024 * 1024

    def __init__(
        self, destination: Destination, origin: Origin, delay: int | None, attributes: Mapping[str, Attribute]
    ) -> None:
        self.destination = destination
        self._shared: dict[str, Any] = {}
        self._attributes = _attributes(attributes, origin)
        if self._attributes:
            self._shared["MessageAttributes"] = self._attributes
        if delay is not None:
            self._shared["DelaySeconds"] = delay
        if origin.trace_header is not None:
            header = {"DataType": "String", "StringValue": origin.trace_header}
            self._shared["MessageSystemAttributes"] = {"AWSTraceHeader": header}

    def entry(self, text: str, group: str | None, deduplication_id: str | None) -> Entry:
        """Return the entry of a message."""
        parameters = {"MessageBody": text, **self._shared, **_ordered(self.destination, group, deduplication_id)}
        return Entry(parameters, len(text.encode()) + _size(self._attributes))

    def send(self, entries: Sequence[Entry]) -> Sequence[Answer]:
        """Make one request."""
        arn = destination_arn(self.destination)
        sqs = client("sqs", arn.region)
        url = f"{sqs.meta.endpoint_url}/{arn.account}/{arn.name}"
        return _by_id(entries, sqs.send_message_batch(QueueUrl=url, Entries=_numbered(entries)))


class TopicRequests:
    """PublishBatch (Amazon SNS API Reference)."""

    limit = 256 * 1024

    def __init__(
        self,
        destination: Destination,
        origin: Origin,
        subject: str | None,
        attributes: Mapping[str, Attribute],
    ) -> None:
        self.destination = destination
        self._attributes = _attributes(attributes, origin)
        self._shared: dict[str, Any] = {"MessageAttributes": self._attributes} if self._attributes else {}
        if subject is not None:
            self._shared["Subject"] = subject

    def entry(self, text: str, group: str | None, deduplication_id: str | None) -> Entry:
        """Return the entry of a message."""
        ordered = _ordered(self.destination, group, deduplication_id)
        return Entry({"Message": text, **self._shared, **ordered}, len(text.encode()) + _size(self._attributes))

    def send(self, entries: Sequence[Entry]) -> Sequence[Answer]:
        """Make one request."""
        arn = destination_arn(self.destination)
        sns = client("sns", arn.region)
        answer = sns.publish_batch(TopicArn=str(arn), PublishBatchRequestEntries=_numbered(entries))
        return _by_id(entries, answer)


class BusRequests:
    """PutEvents (Amazon EventBridge API Reference)."""

    limit = 256 * 1024
    """Less than EventBridge takes where it takes the most: see "Amazon EventBridge quotas"."""

    def __init__(self, destination: Destination, origin: Origin, resources: Sequence[str]) -> None:
        self.destination = destination
        carried = [f"{RESOURCE}{origin.correlation_id}"] if origin.correlation_id else []
        self._resources = [*resources, *carried]
        self._shared: dict[str, Any] = {"Source": destination.source, "Resources": self._resources}
        if origin.trace_header is not None:
            self._shared["TraceHeader"] = origin.trace_header

    def entry(self, detail_type: str, detail: str) -> Entry:
        """Return the entry of an event; its size is that of "Calculating PutEvents event entry size"."""
        texts = (detail_type, detail, self.destination.source or "", *self._resources)
        return Entry(
            {"DetailType": detail_type, "Detail": detail, **self._shared}, sum(len(text.encode()) for text in texts)
        )

    def send(self, entries: Sequence[Entry]) -> Sequence[Answer]:
        """Make one request."""
        arn = destination_arn(self.destination)
        wanted = [{"EventBusName": str(arn), **entry.parameters} for entry in entries]
        answer = client("events", arn.region).put_events(Entries=wanted)
        return [
            Answer(one.get("EventId"), code, one.get("ErrorMessage", ""), transient=code in _THROTTLED)
            for one in answer["Entries"]
            for code in (one.get("ErrorCode", ""),)
        ]


def _ordered(destination: Destination, group: str | None, deduplication_id: str | None) -> dict[str, str]:
    found = {} if group is None else {"MessageGroupId": group}
    if destination.fifo:
        # Made here, so that the SDK's own retries are one message and two calls are two.
        found["MessageDeduplicationId"] = deduplication_id or str(uuid.uuid4())
    return found


def _numbered(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    return [{"Id": str(number), **entry.parameters} for number, entry in enumerate(entries)]


def _by_id(entries: Sequence[Entry], answer: Mapping[str, Any]) -> list[Answer]:
    """Read an answer of SQS or SNS, which names messages by the ids of their entries."""
    found = {int(one["Id"]): Answer(one["MessageId"]) for one in answer.get("Successful", ())}
    for one in answer.get("Failed", ()):
        found[int(one["Id"])] = Answer(None, one["Code"], one.get("Message", ""), transient=not one["SenderFault"])
    return [found[number] for number in range(len(entries))]


def _attributes(attributes: Mapping[str, Attribute], origin: Origin) -> dict[str, dict[str, Any]]:
    carried = {ATTRIBUTE: origin.correlation_id} if origin.correlation_id else {}
    return {name: _attribute(value) for name, value in {**carried, **attributes}.items()}


def _attribute(value: Attribute) -> dict[str, Any]:
    if isinstance(value, bytes):
        return {"DataType": "Binary", "BinaryValue": value}
    if isinstance(value, float | int | Decimal):
        return {"DataType": "Number", "StringValue": str(value)}
    return {"DataType": "String", "StringValue": value}


def _size(attributes: Mapping[str, Mapping[str, Any]]) -> int:
    return sum(
        len(name.encode()) + sum(len(part if isinstance(part, bytes) else part.encode()) for part in attribute.values())
        for name, attribute in attributes.items()
    )
