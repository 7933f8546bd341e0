"""FastAPI on AWS Lambda: `handler = FastLambda(app)`."""

# ruff: noqa: E402 - the tuning of INIT comes before everything that INIT loads

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastlambda import startup
from fastlambda.settings import Settings, current

startup.tune(current())

from fastlambda.errors import (
    AppExitedError,
    BadRequestError,
    EventDeclarationError,
    FailedMessage,
    FastLambdaError,
    IdempotencyError,
    InProgressError,
    InvalidMessageError,
    KeyReusedError,
    NoAnswerError,
    PublishError,
    SettingsError,
    StartupError,
    UnfinishedRecordError,
    UnknownEventError,
)
from fastlambda.handler import FastLambda
from fastlambda.observe.logging import logger
from fastlambda.observe.metrics import metrics
from fastlambda.observe.tracing import tracer

if TYPE_CHECKING:
    from fastlambda.events.router import EventRouter
    from fastlambda.idempotency.route import IdempotentRoute
    from fastlambda.secrets import Secret

__all__ = [
    "AppExitedError",
    "BadRequestError",
    "EventDeclarationError",
    "EventRouter",
    "FailedMessage",
    "FastLambda",
    "FastLambdaError",
    "IdempotencyError",
    "IdempotentRoute",
    "InProgressError",
    "InvalidMessageError",
    "KeyReusedError",
    "NoAnswerError",
    "PublishError",
    "Secret",
    "Settings",
    "SettingsError",
    "StartupError",
    "UnfinishedRecordError",
    "UnknownEventError",
    "logger",
    "metrics",
    "tracer",
]


def __getattr__(name: str) -> Any:
    # A function without secrets does not pay for the import of what reads them, nor one without events.
    if name == "EventRouter":
        from fastlambda.events.router import EventRouter  # noqa: PLC0415

        return EventRouter
    if name == "IdempotentRoute":
        from fastlambda.idempotency.route import IdempotentRoute  # noqa: PLC0415

        return IdempotentRoute
    if name == "Secret":
        from fastlambda.secrets import Secret  # noqa: PLC0415

        return Secret
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
