"""What a service consumes and what it publishes to, as plain data.

The runtime delivers and publishes by it, and a deployment can be derived from it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from fastlambda.errors import EventDeclarationError
from fastlambda.frozen import Frozen

_ARN = re.compile(r"arn:[\w-]+:(?P<service>[a-z]+):[a-z0-9-]+:\d{12}:(?P<name>\S+)")
_NAMES = {"sqs": re.compile(r"[\w-]{1,80}|[\w-]{1,75}\.fifo"), "sns": re.compile(r"[\w-]{1,256}|[\w-]{1,251}\.fifo")}
_BUS = re.compile(r"(arn:[\w-]+:events:[a-z0-9-]+:\d{12}:event-bus/)?[\w./-]{1,256}")
_RULE_NAME = re.compile(r"[\w.-]{1,64}")
_EXPRESSION = re.compile(r"(rate|cron|at)\([^()]+\)")

# Amazon SQS as an event source of Lambda: "Creating and configuring an Amazon SQS event source mapping".
_MAX_BATCH = 10_000
_MAX_FIFO_BATCH = 10
_MAX_BATCH_WITHOUT_WINDOW = 10
_MAX_WINDOW = 300
_CONCURRENCY = range(2, 1001)


class Declaration(Frozen):
    """A consumer and its source.

    Attributes:
        name: The queue's, topic's, rule's or schedule's name as declared; a queue or topic may be an ARN.
        consumer: Where the function is: `module:function`.
        function: The Lambda function that is to run it; None for the one that answers HTTP.

    """

    kind: ClassVar[str]
    name: str
    consumer: str
    function: str | None = None

    @property
    def key(self) -> str:
        """The consumer's name in logs, metrics and traces: `sqs:book-imports`."""
        return f"{self.kind}:{self.name.rpartition(':')[2]}"

    def as_json(self) -> dict[str, Any]:
        """Return the declaration, its kind among it, as values that JSON has."""
        return {"kind": self.kind, **self.as_dict()}


class SqsDeclaration(Declaration):
    """A queue.

    Attributes:
        batch_size: Messages that one invocation gets at most.
        window: Seconds that Lambda gathers a batch.
        concurrency: Messages of a batch, of a FIFO queue its groups, that are handled side by side.
        maximum_concurrency: Environments that the queue may occupy; None for no limit of its own.
        filters: Patterns of the event source mapping, of which a message has to match one.
        max_receive_count: Deliveries until a message goes to the dead-letter queue.
        topic: The topic that the queue is subscribed to, by name or ARN; None for none.

    """

    kind = "sqs"
    batch_size: int = 10
    window: int = 0
    concurrency: int = 10
    maximum_concurrency: int | None = None
    filters: tuple[Mapping[str, Any], ...] = ()
    max_receive_count: int = 3
    topic: str | None = None

    def __post_init__(self) -> None:
        """Check what AWS would refuse later."""
        _require_resource("sqs", self.name)
        largest = _MAX_FIFO_BATCH if self.fifo else _MAX_BATCH
        _require(1 <= self.batch_size <= largest, self, f"batch_size is {self.batch_size}, not 1 to {largest}")
        _require(0 <= self.window <= _MAX_WINDOW, self, f"window is {self.window}, not 0 to {_MAX_WINDOW} seconds")
        _require(not (self.fifo and self.window), self, "a FIFO queue has no window")
        _require(
            self.batch_size <= _MAX_BATCH_WITHOUT_WINDOW or self.window > 0,
            self,
            f"a batch_size above {_MAX_BATCH_WITHOUT_WINDOW} takes a window of at least 1 second",
        )
        _require(self.concurrency >= 1, self, f"concurrency is {self.concurrency}, not 1 or more")
        _require(
            self.maximum_concurrency is None or self.maximum_concurrency in _CONCURRENCY,
            self,
            f"maximum_concurrency is {self.maximum_concurrency}, not 2 to 1000",
        )
        _require(self.max_receive_count >= 1, self, f"max_receive_count is {self.max_receive_count}, not 1 or more")
        _require_json(self, "filters", self.filters)
        if self.topic is not None:
            self._check_topic(self.topic)

    def _check_topic(self, topic: str) -> None:
        _require_resource("sns", topic)
        _require(not self.name.startswith("arn:"), self, "a queue that exists has its own policy and subscriptions")
        # Amazon SNS Developer Guide, "Message delivery for FIFO topics".
        _require(
            not self.fifo or topic.endswith(".fifo"), self, f"{topic} keeps no order, and SNS refuses a FIFO queue"
        )

    @property
    def fifo(self) -> bool:
        """Whether the queue keeps the order of each message group."""
        return self.name.endswith(".fifo")

    def as_json(self) -> dict[str, Any]:
        """Return the declaration as values that JSON has."""
        return {**Declaration.as_json(self), "fifo": self.fifo, "filters": list(self.filters)}


class SnsDeclaration(Declaration):
    """A topic.

    Attributes:
        filter_policy: The subscription's filter policy; None without one.
        filter_scope: What it is about: `MessageAttributes` or `MessageBody`.

    """

    kind = "sns"
    filter_policy: Mapping[str, Any] | None = None
    filter_scope: str = "MessageAttributes"

    def __post_init__(self) -> None:
        """Check what AWS would refuse later."""
        _require_resource("sns", self.name)
        # Amazon SNS Developer Guide, "Message delivery for FIFO topics".
        _require(
            not self.name.endswith(".fifo"),
            self,
            f'SNS hands the messages of a FIFO topic to queues alone: @events.sqs("...", topic="{self.name}")',
        )
        scopes = ("MessageAttributes", "MessageBody")
        _require(self.filter_scope in scopes, self, f"filter_scope is {self.filter_scope!r}, not one of {scopes}")
        _require_json(self, "filter_policy", self.filter_policy)


class EventBridgeDeclaration(Declaration):
    """Events of a bus.

    Attributes:
        source: The events' source.
        detail_type: Their detail-type; None for all of the source.
        detail: An event pattern for their detail, which EventBridge applies; None for all.
        bus: The bus's name.

    """

    kind = "eventbridge"
    source: str
    detail_type: str | None = None
    detail: Mapping[str, Any] | None = None
    bus: str = "default"

    def __post_init__(self) -> None:
        """Check what AWS would refuse later."""
        _require(bool(_RULE_NAME.fullmatch(self.name)), self, "a rule's name has 1 to 64 letters, digits, or . _ -")
        _require(bool(self.source), self, "its source is empty")
        _require_json(self, "detail", self.detail)

    def overlaps(self, other: EventBridgeDeclaration) -> bool:
        """Tell whether an event could be for both: it says its source and detail-type, but not its bus or rule."""
        types = (self.detail_type, other.detail_type)
        return self.source == other.source and (None in types or types[0] == types[1])


class ScheduleDeclaration(Declaration):
    """A schedule.

    Attributes:
        expression: `rate(1 hour)`, `cron(0 3 * * ? *)` or `at(2026-12-24T18:00:00)`, as EventBridge Scheduler has them.
        timezone: The time zone of the expression, such as `Europe/Berlin`.

    """

    kind = "schedule"
    expression: str
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        """Check what AWS would refuse later."""
        _require(bool(_RULE_NAME.fullmatch(self.name)), self, "a schedule's name has 1 to 64 letters, digits, or . _ -")
        _require(
            bool(_EXPRESSION.fullmatch(self.expression)),
            self,
            f"{self.expression!r} is no rate(...), cron(...) or at(...)",
        )


class Destination(Frozen):
    """What a service publishes to.

    Attributes:
        kind: sqs for a queue, sns for a topic, eventbridge for a bus.
        name: The queue's, topic's or bus's name as declared, or its ARN.
        source: The source of the events that are put on a bus; None for queues and topics.

    """

    kind: str
    name: str
    source: str | None = None

    def __post_init__(self) -> None:
        """Check what AWS would refuse later."""
        if self.kind in _NAMES:
            _require_resource(self.kind, self.name)
        elif not _BUS.fullmatch(self.name):
            raise EventDeclarationError(f"{self.name!r} is neither the name nor the ARN of a bus")
        elif not self.source or self.source.startswith("aws."):
            raise EventDeclarationError(f"{self.source!r} cannot be the source of events", why="AWS has it for its own")

    @property
    def arn(self) -> str | None:
        """Its ARN, if it was declared by that."""
        return self.name if self.name.startswith("arn:") else None

    @property
    def key(self) -> str:
        """Its name in errors and in `FASTLAMBDA_EVENT_DESTINATIONS`: `sqs:book-imports`."""
        separator = "/" if self.arn and self.kind == "eventbridge" else ":"
        return f"{self.kind}:{self.name.rpartition(separator)[2]}"

    @property
    def fifo(self) -> bool:
        """Whether it is a queue or a topic that keeps the order of each message group."""
        return self.name.endswith(".fifo")

    def as_json(self) -> dict[str, Any]:
        """Return the destination as values that JSON has."""
        return self.as_dict()


def _require(holds: bool, declaration: Declaration, why: str) -> None:  # noqa: FBT001 - a condition is what it takes
    if not holds:
        raise EventDeclarationError(f"The consumer {declaration.consumer} cannot take {declaration.key}", why=why)


def _require_resource(kind: str, name: str) -> None:
    arn = _ARN.fullmatch(name)
    own_name = arn["name"] if arn and arn["service"] == kind else name
    if not _NAMES[kind].fullmatch(own_name):
        what = {"sqs": "queue", "sns": "topic"}[kind]
        raise EventDeclarationError(
            f"{name!r} is neither the name nor the ARN of a {what}",
            why="a name has letters, digits, hyphens and underscores, and may end in .fifo",
        )


def _require_json(declaration: Declaration, what: str, value: Any) -> None:
    try:
        json.dumps(value)
    except (TypeError, ValueError) as error:
        raise EventDeclarationError(
            f"The {what} of {declaration.consumer} cannot be written as JSON", why=str(error)
        ) from error
