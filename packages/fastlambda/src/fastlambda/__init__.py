"""FastAPI on AWS Lambda: `handler = FastLambda(app)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastlambda import startup
from fastlambda.errors import (
    BadRequestError,
    FastLambdaError,
    SettingsError,
    StartupError,
    UnknownEventError,
)
from fastlambda.handler import FastLambda
from fastlambda.observe.logging import logger
from fastlambda.observe.metrics import metrics
from fastlambda.observe.tracing import tracer
from fastlambda.settings import Settings, current

if TYPE_CHECKING:
    from fastlambda.secrets import Secret

__all__ = [
    "BadRequestError",
    "FastLambda",
    "FastLambdaError",
    "Secret",
    "Settings",
    "SettingsError",
    "StartupError",
    "UnknownEventError",
    "logger",
    "metrics",
    "tracer",
]

startup.tune(current())


def __getattr__(name: str) -> Any:
    # A function without secrets does not pay for the import of what reads them.
    if name == "Secret":
        from fastlambda.secrets import Secret  # noqa: PLC0415

        return Secret
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
