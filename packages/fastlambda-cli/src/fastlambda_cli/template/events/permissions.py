"""What the function's role may do for Lambda to bring it events: of these sources only queues take anything."""

from __future__ import annotations

from typing import Any

from fastlambda_cli.service.events import QueueSource
from fastlambda_cli.template.events.naming import FAILED_EVENTS, has_asynchronous_sources, sources_of
from fastlambda_cli.template.intrinsics import get_att, statement
from fastlambda_cli.template.stack import Stack

_QUEUE_ACTIONS = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
"""What an event source mapping does with the function's role (AWS Lambda Developer Guide, "Configuring a queue to use
with Lambda")."""


def event_statements(stack: Stack) -> list[dict[str, Any]]:
    """Statements for the execution role."""
    queues = [source.arn or get_att(name, "Arn") for name, source in sources_of(stack, QueueSource).items()]
    statements = [statement("Queues", _QUEUE_ACTIONS, queues)] if queues else []
    if has_asynchronous_sources(stack):
        # A destination is written to with the function's role as well.
        statements.append(statement("FailedEvents", ["sqs:SendMessage"], get_att(FAILED_EVENTS, "Arn")))
    return statements
