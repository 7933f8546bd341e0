"""What the service's configuration is called in the function, in one place, so that it is the same here and on AWS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from fastlambda_cli.service.model import SecretSpec, Service

T = TypeVar("T")


_LAMBDA_LEVELS = {"WARNING": "WARN", "CRITICAL": "FATAL"}


def lambda_log_level(level: str) -> str:
    """Lambda's name of one of Python's log levels (AWS Lambda API Reference, "LoggingConfig")."""
    return _LAMBDA_LEVELS.get(level, level)


def secret_variable(name: str, spec: SecretSpec) -> str:
    """The environment variable in which the function finds a secret's ARN."""
    return spec.env or f"{name.upper()}_SECRET_ARN"


def function_variables(service: Service, secret_arns: Mapping[str, T]) -> dict[str, str | T]:
    """Every environment variable that the service's configuration gives its function.

    Args:
        service: The service.
        secret_arns: The ARN of each secret by its environment variable; on AWS it may be a reference to one.

    """
    powertools = {
        "POWERTOOLS_SERVICE_NAME": service.name,
        "POWERTOOLS_METRICS_NAMESPACE": service.configuration.metrics_namespace or service.name,
    }
    return {**powertools, **service.configuration.environment, **secret_arns}
