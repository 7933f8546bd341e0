"""Which consumer an event is for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastlambda.errors import SettingsError, UnknownEventError
from fastlambda.events.declarations import Declaration, EventBridgeDeclaration
from fastlambda.frozen import Frozen

_SCHEDULERS = (("aws.events", "Scheduled Event"), ("aws.scheduler", "Scheduled Event"))


class Found(Frozen):
    """What an event turned out to be.

    Attributes:
        key: The consumer's key.
        records: Its records: of SQS and SNS those of the event, else the event itself.

    """

    key: str
    records: tuple[Mapping[str, Any], ...]


class NoConsumerError(UnknownEventError):
    """An event came from a source that a function can consume, but this one has no consumer for it.

    Attributes:
        kind: The kind of source.

    """

    def __init__(self, kind: str, came_from: str, known: Iterable[str]) -> None:
        self.kind = kind
        super().__init__(
            f"No consumer takes {came_from}",
            why=f"the function has {', '.join(known) or 'none'}",
            remedy="Declare one on the EventRouter, or correct FASTLAMBDA_EVENT_SOURCES.",
        )


class Sources:
    """The sources of a function's consumers.

    Args:
        declarations: What is consumed.
        names: `FASTLAMBDA_EVENT_SOURCES`: the name or the ARN of a deployed resource by the key of its consumer, where
            it is called otherwise than it was declared.

    Raises:
        SettingsError: a key is of no consumer, or two have the same resource.

    """

    def __init__(self, declarations: Iterable[Declaration], names: Mapping[str, str]) -> None:
        by_key = {declaration.key: declaration for declaration in declarations}
        for key in names.keys() - by_key.keys():
            raise SettingsError(
                f"FASTLAMBDA_EVENT_SOURCES names {key}",
                why="there is no such consumer",
                remedy=f"The function has {', '.join(by_key) or 'none'}.",
            )
        self._keys: dict[tuple[str, str], str] = {}
        for key, declaration in by_key.items():
            resource = (declaration.kind, names.get(key, declaration.name))
            if resource in self._keys:
                raise SettingsError(f"FASTLAMBDA_EVENT_SOURCES gives {resource[1]} to {key}", why="it is another's")
            self._keys[resource] = key
        self._rules = [one for one in by_key.values() if isinstance(one, EventBridgeDeclaration)]

    def find(self, event: Any) -> Found | None:
        """Return what the event is; None for one that is none of SQS, SNS, EventBridge and schedules.

        Raises:
            NoConsumerError: it is one of those, and there is no consumer for it.

        """
        if not isinstance(event, Mapping) or "requestContext" in event:
            return None
        records = event.get("Records")
        if isinstance(records, list) and records and isinstance(records[0], Mapping):
            first = records[0]
            if first.get("eventSource") == "aws:sqs":
                return self._found("sqs", {str(record["eventSourceARN"]) for record in records}, records)
            if first.get("EventSource") == "aws:sns":
                return self._found("sns", {str(record["Sns"]["TopicArn"]) for record in records}, records)
        if event.keys() >= {"id", "source", "detail-type", "detail"}:
            if (event["source"], event["detail-type"]) in _SCHEDULERS:
                return self._found("schedule", {str(arn) for arn in event.get("resources", ())}, [event])
            return self._of_a_bus(event)
        return None

    def _found(self, kind: str, arns: set[str], records: list[Mapping[str, Any]]) -> Found:
        if len(arns) == 1:
            (arn,) = arns
            # A queue's and a topic's name is what follows the last colon, a rule's and a schedule's the last slash.
            name = arn.rpartition("/" if kind == "schedule" else ":")[2]
            key = self._keys.get((kind, arn)) or self._keys.get((kind, name))
            if key is not None:
                return Found(key=key, records=tuple(records))
        raise NoConsumerError(
            kind, f"an event of kind {kind} from {', '.join(sorted(arns)) or 'no source'}", self._known
        )

    def _of_a_bus(self, event: Mapping[str, Any]) -> Found:
        source, detail_type = event["source"], event["detail-type"]
        for rule in self._rules:
            if rule.source == source and rule.detail_type in (None, detail_type):
                return Found(key=rule.key, records=(event,))
        raise NoConsumerError("eventbridge", f"an EventBridge event {detail_type!r} from {source!r}", self._known)

    @property
    def _known(self) -> list[str]:
        return list(self._keys.values())
