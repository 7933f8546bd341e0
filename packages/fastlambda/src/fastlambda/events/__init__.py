"""Events of SQS, SNS, EventBridge and schedules, handled by the same app that answers HTTP requests.

A record becomes a request to a route that the app does not have: FastAPI solves the consumer's dependencies with the
app's lifespan state and dependency overrides, and no HTTP request can ever reach it. `declarations` say what there is
to consume, `sources` tell an event's consumer, `consumer` runs one record, `batch` many, `delivery` joins them.
"""

from fastlambda.events.declarations import (
    Declaration,
    EventBridgeDeclaration,
    ScheduleDeclaration,
    SnsDeclaration,
    SqsDeclaration,
)
from fastlambda.events.envelopes import EventBridgeEvent, ScheduledEvent, SnsMessage, SqsMessage
from fastlambda.events.router import EventRouter

__all__ = [
    "Declaration",
    "EventBridgeDeclaration",
    "EventBridgeEvent",
    "EventRouter",
    "ScheduleDeclaration",
    "ScheduledEvent",
    "SnsDeclaration",
    "SnsMessage",
    "SqsDeclaration",
    "SqsMessage",
]
