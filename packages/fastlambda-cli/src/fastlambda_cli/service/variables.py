"""What the service's configuration is called in the function, in one place, so that it is the same here and on AWS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeVar

from fastlambda_cli.service.events import QueueSource, TopicSource, deployed_name, key_of
from fastlambda_cli.service.model import SecretSpec, Service

T = TypeVar("T")

EVENT_SOURCES = "FASTLAMBDA_EVENT_SOURCES"
"""Where the function finds the name or the ARN of each queue and topic, by the key of its consumer."""

_LAMBDA_LEVELS = {"WARNING": "WARN", "CRITICAL": "FATAL"}


def lambda_log_level(level: str) -> str:
    """Lambda's name of one of Python's log levels (AWS Lambda API Reference, "LoggingConfig")."""
    return _LAMBDA_LEVELS.get(level, level)


def secret_variable(name: str, spec: SecretSpec) -> str:
    """The environment variable in which the function finds a secret's ARN."""
    return spec.env or f"{name.upper()}_SECRET_ARN"


def function_variables(service: Service, stack_name: str, secret_arns: Mapping[str, T]) -> dict[str, str | T]:
    """Every environment variable that the service's configuration and its events give its function.

    Args:
        service: The service.
        stack_name: The stage's, after which what the stack makes is named.
        secret_arns: The ARN of each secret by its environment variable; on AWS it may be a reference to one.

    """
    powertools = {
        "POWERTOOLS_SERVICE_NAME": service.name,
        "POWERTOOLS_METRICS_NAMESPACE": service.configuration.metrics_namespace or service.name,
    }
    return {**powertools, **_events(service, stack_name), **service.configuration.environment, **secret_arns}


def _events(service: Service, stack_name: str) -> dict[str, str]:
    # An event tells its schedule by the name that was declared, and a rule not at all.
    names = {
        key_of(source): deployed_name(source, stack_name)
        for source in service.events
        if isinstance(source, QueueSource | TopicSource)
    }
    return {EVENT_SOURCES: json.dumps(names, separators=(",", ":"))} if names else {}
