"""One record of an event on its way to its consumer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from fastlambda.errors import InvalidMessageError
from fastlambda.events.envelopes import (
    Envelope,
    EventBridgeEvent,
    ScheduledEvent,
    SnsMessage,
    SqsMessage,
    may_be_enveloped,
    unwrapped,
)
from fastlambda.events.publish_origin import of_attribute, of_resources
from fastlambda.observe.tracing import trace_id

AnEnvelope = TypeVar("AnEnvelope", bound=Envelope)


class Record:
    """A record.

    Args:
        kind: What it came from: sqs, sns, eventbridge or schedule.
        data: Its JSON: of SQS and SNS an element of `Records`, else the whole event.
        unwrap: Whether a message within envelopes is taken out of them.
        key: The key of its consumer.

    """

    __slots__ = ("_content", "_own", "_unwrap", "data", "key", "kind")

    # There is one for every message, and most are asked for their text alone: nothing is read before somebody asks.
    def __init__(self, kind: str, data: Mapping[str, Any], unwrap: bool = True, key: str = "") -> None:  # noqa: FBT001, FBT002
        self.kind = kind
        self.data = data
        self.key = key
        self._unwrap = unwrap
        self._own: Envelope | None = None
        self._content: tuple[str, Sequence[SnsMessage | EventBridgeEvent]] | None = None

    @property
    def id(self) -> str:
        """What its source calls it, the same at every delivery."""
        match self.kind:
            case "sqs":
                return str(self.data["messageId"])
            case "sns":
                return str(self.data["Sns"]["MessageId"])
        return str(self.data["id"])

    def log_keys(self) -> dict[str, str]:
        """Return what every line of its consumer says of it."""
        try:
            correlation_id = self.correlation_id()
        except Exception:  # noqa: BLE001 - an envelope that cannot be read, which is what the line is likely to be about
            correlation_id = None
        keys = {"route": self.key, "message_id": self.id, "correlation_id": correlation_id or self.id}
        if (continued := trace_id(self.trace_header())) is not None:
            keys["xray_trace_id"] = continued
        return keys

    def correlation_id(self) -> str | None:
        """Return the correlation id of what published it; None for one that was published without."""
        match self.kind:  # read as it comes: most records need no envelope to be made of them
            case "sqs":
                attributes = self.data.get("messageAttributes")
                found = of_attribute(attributes, "stringValue") if attributes else None
            case "sns":
                found = of_attribute(self.data["Sns"].get("MessageAttributes"), "Value")
            case "eventbridge":
                return of_resources(self.data["resources"])
            case _:
                return None
        if found is None:
            for envelope in self._contained()[1]:
                if envelope.correlation_id is not None:
                    return envelope.correlation_id
        return found

    def trace_header(self) -> str | None:
        """Return X-Ray's tracing header of a message of a queue; with all others the invocation has it."""
        return self.data["attributes"].get("AWSTraceHeader") if self.kind == "sqs" else None

    def text(self) -> str:
        """Return the message, without the envelopes; an event's detail as JSON."""
        if self.kind == "sqs":
            text: str = self.data["body"]
            if not (self._unwrap and may_be_enveloped(text)):
                return text
        return self._contained()[0]

    def envelope(self, kind: type[AnEnvelope]) -> AnEnvelope:
        """Return the envelope of this kind.

        Raises:
            InvalidMessageError: the record came without one.

        """
        if self._own is None:
            self._own = _envelope(self.kind, self.data)
        for envelope in (self._own, *self._contained()[1]):
            if isinstance(envelope, kind):
                return envelope
        raise InvalidMessageError(
            f"There is no {kind.__name__}", why=f"the record is {type(self._own).__name__} and came without one"
        )

    def _contained(self) -> tuple[str, Sequence[SnsMessage | EventBridgeEvent]]:
        """Return the message and the envelopes that it was taken out of."""
        if self._content is None:
            match self.kind:
                case "sqs":
                    text = self.data["body"]
                case "sns":
                    text = self.data["Sns"]["Message"]
                case _:
                    text = json.dumps(self.data["detail"], ensure_ascii=False)
            self._content = unwrapped(text) if self._unwrap and self.kind in ("sqs", "sns") else (text, ())
        return self._content


def _envelope(kind: str, data: Mapping[str, Any]) -> Envelope:
    match kind:
        case "sqs":
            return SqsMessage.from_event(data)
        case "sns":
            return SnsMessage.from_notification(data["Sns"])
        case "eventbridge":
            return EventBridgeEvent.from_event(data)
    return ScheduledEvent.from_event(data)
