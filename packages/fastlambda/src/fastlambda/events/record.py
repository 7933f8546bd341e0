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
    def _content(self) -> tuple[str, list[Envelope]]:
        match self.kind:
            case "sqs":
                text = self.data["body"]
            case "sns":
                text = self.data["Sns"]["Message"]
            case _:
                return json.dumps(self.data["detail"], ensure_ascii=False), []
        return unwrapped(text) if self._unwrap else (text, [])
