"""What a service consumes: the queues, topics, rules and schedules that its code declares on an EventRouter.

The names, the defaults and the meaning of every field are those of the decorators of `fastlambda.EventRouter`; what the
fields may hold is what AWS takes (Amazon SQS, Amazon SNS and Amazon EventBridge quotas, and AWS Lambda Developer Guide,
"Creating and configuring an Amazon SQS event source mapping").
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias, TypeVar

from pydantic import Field, StringConstraints, model_validator

from fastlambda_cli.service.record import ContradictionError, Record

_QUEUE = r"^([A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo)$"
_QUEUE_ARN = r"^arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{12}:([A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo)$"
_TOPIC = r"^[A-Za-z0-9_-]{1,256}(\.fifo)?$"
_TOPIC_ARN = r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$"
_NAME = r"^[A-Za-z0-9._-]{1,64}$"
_BUS = r"^[A-Za-z0-9/._-]{1,256}$"
_EXPRESSION = (
    r"^(rate\([1-9][0-9]* (minute|hour|day)s?\)|cron\([^\s()]+( [^\s()]+){5}\)"
    r"|at\([0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}\))$"
)
_TIME_ZONE = r"^[A-Za-z0-9_+/-]{1,50}$"
_NOT_EMPTY = r"^\S.*$"
_FUNCTION = r"^[a-z][a-z0-9-]{0,29}$"

PATTERNS = {
    _QUEUE: "the name of a queue: 1 to 80 letters, digits, hyphens or underscores, or .fifo at its end",
    _QUEUE_ARN: "the ARN of an SQS queue",
    _TOPIC: "the name of a topic: 1 to 256 letters, digits, hyphens or underscores, or .fifo at its end",
    _TOPIC_ARN: "the ARN of an SNS topic",
    _NAME: "1 to 64 letters, digits, or any of . _ -",
    _BUS: "the name of an event bus",
    _EXPRESSION: 'such as "rate(1 hour)", "cron(0 3 * * ? *)" or "at(2026-12-24T18:00:00)"',
    _TIME_ZONE: 'the name of a time zone, such as "Europe/Berlin"',
    _NOT_EMPTY: "a text that does not begin with a space",
    _FUNCTION: "the name of a function: 1 to 30 lower-case letters, digits or hyphens, a letter first",
}
"""What each pattern of this file asks for, in words."""

_MAX_BATCH = 10_000
_MAX_FIFO_BATCH = 10
_MAX_BATCH_WITHOUT_WINDOW = 10

DEFAULT_BUS = "default"
"""The bus that every account has, and that rules and publishers mean when they name none."""

QueueName = Annotated[str, StringConstraints(pattern=_QUEUE)]
QueueArn = Annotated[str, StringConstraints(pattern=_QUEUE_ARN)]
TopicName = Annotated[str, StringConstraints(pattern=_TOPIC)]
TopicArn = Annotated[str, StringConstraints(pattern=_TOPIC_ARN)]
Name = Annotated[str, StringConstraints(pattern=_NAME)]
Bus = Annotated[str, StringConstraints(pattern=_BUS)]
Expression = Annotated[str, StringConstraints(pattern=_EXPRESSION)]
TimeZone = Annotated[str, StringConstraints(pattern=_TIME_ZONE)]
NotEmpty = Annotated[str, StringConstraints(pattern=_NOT_EMPTY)]
FunctionName = Annotated[str, StringConstraints(pattern=_FUNCTION)]
BatchSize = Annotated[int, Field(ge=1, le=_MAX_BATCH)]
Window = Annotated[int, Field(ge=0, le=300)]
MaximumConcurrency = Annotated[int, Field(ge=2, le=1000)]
MaxReceiveCount = Annotated[int, Field(ge=1, le=1000)]


class QueueSource(Record):
    """A queue, and the function that handles its messages.

    Attributes:
        name: As declared; of a queue that exists the last part of its ARN.
        consumer: Where the function is: `module:function`.
        idempotent: Whether each message is handled once.
        function: The function that handles them; None for the one that answers HTTP.
        arn: Of a queue that exists; None for one that the stack makes.
        batch_size: Messages that one invocation gets at most.
        window: Seconds that Lambda gathers a batch.
        maximum_concurrency: Environments that the queue may occupy.
        filters: Patterns of the event source mapping, of which a message has to match one.
        max_receive_count: Deliveries until a message goes to the dead-letter queue.
        topic: The topic that it is subscribed to, as declared: of one that exists the last part of its ARN.
        topic_arn: Of a topic that exists; None for one that the stack makes.
        enabled: Whether messages are delivered.

    """

    kind: ClassVar[str] = "sqs"

    name: QueueName
    consumer: str
    idempotent: bool = False
    function: FunctionName | None = None
    arn: QueueArn | None = None
    batch_size: BatchSize = 10
    window: Window = 0
    maximum_concurrency: MaximumConcurrency | None = None
    filters: tuple[dict[str, Any], ...] = Field(default=(), max_length=10, strict=False)
    max_receive_count: MaxReceiveCount = 3
    topic: TopicName | None = None
    topic_arn: TopicArn | None = None
    enabled: bool = True

    @property
    def fifo(self) -> bool:
        """Whether the queue keeps the order of each message group."""
        return self.name.endswith(".fifo")

    @model_validator(mode="after")
    def _batches_as_lambda_does(self) -> Self:
        if self.fifo and self.window:
            raise ContradictionError("a FIFO queue has no `window`", "Remove it.")
        if self.fifo and self.batch_size > _MAX_FIFO_BATCH:
            raise ContradictionError(
                f"`batch_size` is {self.batch_size}, and a FIFO queue has {_MAX_FIFO_BATCH} at the most", "Lower it."
            )
        if self.batch_size > _MAX_BATCH_WITHOUT_WINDOW and not self.window:
            raise ContradictionError(
                f"a `batch_size` above {_MAX_BATCH_WITHOUT_WINDOW} takes a `window`", "Add window=1 or more."
            )
        return self

    @model_validator(mode="after")
    def _exists_or_is_made(self) -> Self:
        if self.arn is not None and "max_receive_count" in self.model_fields_set:
            raise ContradictionError(
                "`max_receive_count` is a setting of the queue, and this one exists already",
                "Remove it, and set the queue's own redrive policy.",
            )
        if self.arn is not None and self.topic is not None:
            raise ContradictionError(
                "`topic` would change the policy of the queue, and this one exists already",
                "Remove it, and subscribe the queue where it is made.",
            )
        return self

    @model_validator(mode="after")
    def _is_subscribed_as_sns_does(self) -> Self:
        # Amazon SNS Developer Guide, "Message delivery for FIFO topics".
        if self.topic is not None and self.fifo and not self.topic.endswith(".fifo"):
            raise ContradictionError(
                f"the topic {self.topic} keeps no order, and SNS subscribes no FIFO queue to such",
                "Call the topic .fifo at its end, or the queue not.",
            )
        return self


class TopicSource(Record):
    """A topic, and the function that handles its messages.

    Attributes:
        name: As declared; of a topic that exists the last part of its ARN.
        consumer: Where the function is: `module:function`.
        idempotent: Whether each message is handled once.
        function: The function that handles them; None for the one that answers HTTP.
        arn: Of a topic that exists; None for one that the stack makes.
        filter_policy: The subscription's.
        filter_scope: What it is about.

    """

    kind: ClassVar[str] = "sns"

    name: TopicName
    consumer: str
    idempotent: bool = False
    function: FunctionName | None = None
    arn: TopicArn | None = None
    filter_policy: dict[str, Any] | None = None
    filter_scope: Literal["MessageAttributes", "MessageBody"] = "MessageAttributes"

    @model_validator(mode="after")
    def _is_delivered_to_functions(self) -> Self:
        # Amazon SNS Developer Guide, "Message delivery for FIFO topics".
        if self.name.endswith(".fifo"):
            raise ContradictionError(
                "SNS hands the messages of a FIFO topic to queues alone",
                f'Consume them by a queue: @events.sqs("...", topic="{self.name}").',
            )
        return self


class RuleSource(Record):
    """Events of a bus, and the function that handles them.

    Attributes:
        name: The rule's, as declared.
        consumer: Where the function is: `module:function`.
        idempotent: Whether each event is handled once.
        function: The function that handles them; None for the one that answers HTTP.
        source: The events' source.
        detail_type: Their detail-type; None for all of the source.
        detail: An event pattern for their detail; None for all.
        bus: The bus's name; one that is not the default has to exist.
        enabled: Whether events are delivered.

    """

    kind: ClassVar[str] = "eventbridge"

    name: Name
    consumer: str
    idempotent: bool = False
    function: FunctionName | None = None
    source: NotEmpty
    detail_type: NotEmpty | None = None
    detail: dict[str, Any] | None = None
    bus: Bus = DEFAULT_BUS
    enabled: bool = True

    @property
    def of_aws(self) -> bool:
        """Whether it is for what AWS's own services tell, which they do on the default bus alone.

        Amazon EventBridge User Guide, "Events from AWS services".
        """
        return self.bus == DEFAULT_BUS and self.source.startswith("aws.")


class ScheduleSource(Record):
    """A schedule, and the function that it runs.

    Attributes:
        name: As declared.
        consumer: Where the function is: `module:function`.
        idempotent: Whether each run is handled once.
        function: The function that handles them; None for the one that answers HTTP.
        expression: As EventBridge Scheduler has them.
        timezone: Of the expression.
        enabled: Whether it runs.

    """

    kind: ClassVar[str] = "schedule"

    name: Name
    consumer: str
    idempotent: bool = False
    function: FunctionName | None = None
    expression: Expression
    timezone: TimeZone = "UTC"
    enabled: bool = True


EventSource: TypeAlias = QueueSource | TopicSource | RuleSource | ScheduleSource
AnySource = TypeVar("AnySource", QueueSource, TopicSource, RuleSource, ScheduleSource)


def key_of(source: EventSource) -> str:
    """What the function calls a source: `sqs:book-imports`."""
    return f"{source.kind}:{source.name}"


def deployed_name(source: QueueSource | TopicSource, stack_name: str) -> str:
    """What AWS knows a queue or a topic by: the ARN of one that exists, or the name of one that the stack makes."""
    return source.arn or f"{stack_name}-{source.name}"


FAILED_EVENTS = "failed-events"
"""The queue of what topics, rules and schedules brought in vain, after the stage's name."""


def dead_letters_name(queue: str) -> str:
    """What the dead-letter queue of a queue that the stack makes is called."""
    return f"{queue.removesuffix('.fifo')}-dead-letters{'.fifo' if queue.endswith('.fifo') else ''}"


class QueueOverride(Record):
    """What is different of a declared queue; the queue itself with `arn`.

    Attributes:
        arn: A queue that exists and is consumed in place of one that the stack makes.
        batch_size: Messages that one invocation gets at most.
        window: Seconds that Lambda gathers a batch.
        maximum_concurrency: Environments that the queue may occupy.
        max_receive_count: Deliveries until a message goes to the dead-letter queue.
        enabled: Whether messages are delivered.

    """

    arn: QueueArn | None = None
    batch_size: BatchSize | None = None
    window: Window | None = None
    maximum_concurrency: MaximumConcurrency | None = None
    max_receive_count: MaxReceiveCount | None = None
    enabled: bool | None = None


class TopicOverride(Record):
    """What is different of a declared topic.

    Attributes:
        arn: A topic that exists and is subscribed to in place of one that the stack makes.

    """

    arn: TopicArn | None = None


class RuleOverride(Record):
    """What is different of a declared rule.

    Attributes:
        bus: Another bus, which has to exist.
        enabled: Whether events are delivered.

    """

    bus: Bus | None = None
    enabled: bool | None = None


class ScheduleOverride(Record):
    """What is different of a declared schedule.

    Attributes:
        expression: When it runs.
        timezone: The time zone of the expression.
        enabled: Whether it runs.

    """

    expression: Expression | None = None
    timezone: TimeZone | None = None
    enabled: bool | None = None


class BusOverride(Record):
    """The bus that stands in for a declared one, for its rules and for what is put on it.

    Attributes:
        name: A bus that exists in the stack's account and Region.
        own: Whether the stack makes one for itself.

    """

    name: Bus | None = None
    own: bool = False

    @model_validator(mode="after")
    def _one_bus(self) -> Self:
        if self.own == (self.name is not None):
            raise ContradictionError(
                "a bus is replaced either by `name` or by `own = true`", "Give one of them, or remove the table."
            )
        return self


class EventsSpec(Record):
    """What is different, here or in a stage, of the events that the code declares; by kind and declared name.

    Attributes:
        bus: Buses, by the name that rules and publishers have.
        sqs: Queues.
        sns: Topics.
        eventbridge: Rules.
        schedule: Schedules.

    """

    bus: dict[Bus, BusOverride] = Field(default_factory=dict)
    sqs: dict[QueueName, QueueOverride] = Field(default_factory=dict)
    sns: dict[TopicName, TopicOverride] = Field(default_factory=dict)
    eventbridge: dict[Name, RuleOverride] = Field(default_factory=dict)
    schedule: dict[Name, ScheduleOverride] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _own_buses_have_names(self) -> Self:
        # The slash is for partners' buses (Amazon EventBridge API Reference, "CreateEventBus").
        partner = next((name for name, override in self.bus.items() if override.own and "/" in name), None)
        if partner is not None:
            raise ContradictionError(
                f"the bus `{partner}` is a partner's, and no stack makes one with a / in its name",
                "Name one that exists with `name`.",
            )
        return self

    def overrides(self, kind: str) -> dict[str, Record]:
        """The overrides of one kind of source, by declared name."""
        found: dict[str, Record] = getattr(self, kind)
        return found


def bus_name(bus: str, overrides: EventsSpec, stack_name: str) -> str:
    """What AWS knows a declared bus by in a stage: itself, the one in its place, or the one that the stack makes."""
    override = overrides.bus.get(bus)
    if override is None:
        return bus
    return override.name or f"{stack_name}-{bus}"
