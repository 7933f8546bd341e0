"""What a service publishes to: the queues, topics and buses that its code declares on an EventRouter.

The names and the meaning of every field are those of `queue`, `topic` and `bus` of `fastlambda.EventRouter`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeAlias

from pydantic import StringConstraints

from fastlambda_cli.service.events import Bus, QueueArn, QueueName, TopicArn, TopicName
from fastlambda_cli.service.record import Record

_BUS_ARN = r"^arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:event-bus/[A-Za-z0-9/._-]{1,256}$"
_SOURCE = r"^([^\sa].*|a([^w].*)?|aw([^s].*)?|aws([^.].*)?)$"
"""Of a source, EventBridge has the first four characters `aws.` for its own. Its length stands beside the pattern:
counted in here it would take longer to compile than all other patterns together."""

PATTERNS = {
    _BUS_ARN: "the ARN of an event bus",
    _SOURCE: "1 to 256 characters, neither a space nor aws. first",
}
"""What each pattern of this file asks for, in words."""

BusArn = Annotated[str, StringConstraints(pattern=_BUS_ARN)]
Source = Annotated[str, StringConstraints(pattern=_SOURCE, max_length=256)]


class QueueDestination(Record):
    """A queue that the service sends messages to.

    Attributes:
        name: As declared; of a queue that was declared by its ARN the last part of that.
        arn: Of a queue that exists; None for one that the stack makes because a consumer has it.

    """

    kind: ClassVar[str] = "sqs"

    name: QueueName
    arn: QueueArn | None = None


class TopicDestination(Record):
    """A topic that the service publishes to.

    Attributes:
        name: As declared; of a topic that was declared by its ARN the last part of that.
        arn: Of a topic that exists; None for one that the stack makes.

    """

    kind: ClassVar[str] = "sns"

    name: TopicName
    arn: TopicArn | None = None


class BusDestination(Record):
    """A bus that the service puts events on; it has to exist.

    Attributes:
        name: As declared; of a bus that was declared by its ARN the last part of that.
        arn: As declared, if it was declared by that; None for a bus of the stack's own account and Region.
        source: The source of the events.

    """

    kind: ClassVar[str] = "eventbridge"

    name: Bus
    arn: BusArn | None = None
    source: Source


Destination: TypeAlias = QueueDestination | TopicDestination | BusDestination


def destination_key(destination: Destination) -> str:
    """What the function calls a destination: `sqs:book-imports`."""
    return f"{destination.kind}:{destination.name}"
