"""What a function's role may do for Lambda to bring it its own events, and for the function to publish.

Of the sources only queues take anything, and of the destinations each takes one action on what it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastlambda_cli.service.destinations import BusDestination, QueueDestination, TopicDestination
from fastlambda_cli.service.events import QueueSource
from fastlambda_cli.template.events.buses import bus_arn
from fastlambda_cli.template.events.naming import FAILED_EVENTS, destinations_of, sources_of
from fastlambda_cli.template.intrinsics import get_att, ref, statement
from fastlambda_cli.template.stack import FunctionOfStack, Stack

_QUEUE_ACTIONS = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
"""What an event source mapping does with the function's role (AWS Lambda Developer Guide, "Configuring a queue to use
with Lambda")."""


def event_statements(function: FunctionOfStack) -> list[dict[str, Any]]:
    """Statements for a function's execution role."""
    stack = function.stack
    queues = [
        source.arn or get_att(name, "Arn")
        for name, source in sources_of(stack, QueueSource).items()
        if source.function == function.of.name
    ]
    statements = [statement("Queues", _QUEUE_ACTIONS, queues)] if queues else []
    if function.has_asynchronous_sources:
        # A destination is written to with the function's role as well.
        statements.append(statement("FailedEvents", ["sqs:SendMessage"], get_att(FAILED_EVENTS, "Arn")))
    return statements + _publishing(stack)


def _publishing(stack: Stack) -> list[dict[str, Any]]:
    queues = [one.arn or get_att(name, "Arn") for name, one in destinations_of(stack, QueueDestination).items()]
    topics = [one.arn or ref(name) for name, one in destinations_of(stack, TopicDestination).items()]
    return [
        *([statement("SendsTo", ["sqs:SendMessage"], queues)] if queues else []),
        *([statement("PublishesTo", ["sns:Publish"], topics)] if topics else []),
        *_buses(stack),
    ]


def _buses(stack: Stack) -> Iterator[dict[str, Any]]:
    """A statement for each bus: only events of the declared sources may be put on it."""
    sources: dict[tuple[str, str | None], list[BusDestination]] = {}
    for one in stack.service.destinations:
        if isinstance(one, BusDestination):
            sources.setdefault((one.name, one.arn), []).append(one)
    for number, of_bus in enumerate(sources.values(), start=1):
        yield statement(
            f"PutsEvents{number}",
            ["events:PutEvents"],
            bus_arn(stack, of_bus[0]),
            Condition={"StringEquals": {"events:source": [one.source for one in of_bus]}},
        )
