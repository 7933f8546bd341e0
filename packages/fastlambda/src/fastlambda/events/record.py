"""One record of an event on its way to its consumer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, TypeVar

from fastlambda.errors import InvalidMessageError
from fastlambda.events.envelopes import (
    Envelope,
    EventBridgeEvent,
    ScheduledEvent,
    SnsMessage,
    SqsMessage,
    unwrapped,
)
from fastlambda.events.publish_origin import of_attribute, of_resources

AnEnvelope = TypeVar("AnEnvelope", bound=Envelope)


class Record:
    """A record.

    Args:
        kind: What it came from: sqs, sns, eventbridge or schedule.
        data: Its JSON: of SQS and SNS an element of `Records`, else the whole event.
        unwrap: Whether a message within envelopes is taken out of them.

    """

    def __init__(self, kind: str, data: Mapping[str, Any], *, unwrap: bool = True) -> None:
        self.kind = kind
        self.data = data
        self._unwrap = unwrap

    @property
    def id(self) -> str:
        """What its source calls it, the same at every delivery."""
        match self.kind:
            case "sqs":
                return str(self.data["messageId"])
            case "sns":
                return str(self.data["Sns"]["MessageId"])
        return str(self.data["id"])

    @property
    def correlation_id(self) -> str | None:
        """The correlation id of what published it; None for one that was published without."""
        match self.kind:  # read as it comes: most records need no envelope to be made of them
            case "sqs":
                found = of_attribute(self.data.get("messageAttributes"), "stringValue")
            case "sns":
                found = of_attribute(self.data["Sns"].get("MessageAttributes"), "Value")
            case "eventbridge":
                return of_resources(self.data["resources"])
            case _:
                return None
        within = (envelope.correlation_id for envelope in self._content[1])
        return found or next((one for one in within if one is not None), None)

    @property
    def trace_header(self) -> str | None:
        """X-Ray's tracing header of a message of a queue; with all others the invocation has it."""
        return self.data["attributes"].get("AWSTraceHeader") if self.kind == "sqs" else None

    @property
    def text(self) -> str:
        """The message, without the envelopes; an event's detail as JSON."""
        return self._content[0]

    def envelope(self, kind: type[AnEnvelope]) -> AnEnvelope:
        """Return the envelope of this kind.

        Raises:
            InvalidMessageError: the record came without one.

        """
        for envelope in (self._own, *self._content[1]):
            if isinstance(envelope, kind):
                return envelope
        raise InvalidMessageError(
            f"There is no {kind.__name__}", why=f"the record is {type(self._own).__name__} and came without one"
        )

    @cached_property
    def _own(self) -> Envelope:
        match self.kind:
            case "sqs":
                return SqsMessage.from_event(self.data)
            case "sns":
                return SnsMessage.from_notification(self.data["Sns"])
            case "eventbridge":
                return EventBridgeEvent.from_event(self.data)
        return ScheduledEvent.from_event(self.data)

    @cached_property
    def _content(self) -> tuple[str, list[SnsMessage | EventBridgeEvent]]:
        match self.kind:
            case "sqs":
                text = self.data["body"]
            case "sns":
                text = self.data["Sns"]["Message"]
            case _:
                return json.dumps(self.data["detail"], ensure_ascii=False), []
        return unwrapped(text) if self._unwrap else (text, [])
