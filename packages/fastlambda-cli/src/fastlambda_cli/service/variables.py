"""What the service's configuration is called in the function, in one place, so that it is the same here and on AWS."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TypeVar

from fastlambda_cli.service.destinations import BusDestination, Destination, destination_key
from fastlambda_cli.service.events import QueueSource, TopicSource, bus_name, deployed_name, key_of
from fastlambda_cli.service.model import SecretSpec, Service

T = TypeVar("T")

IDEMPOTENCY_TABLE = "FASTLAMBDA_IDEMPOTENCY_TABLE"
"""Where the function finds the name of the table of idempotency records."""

IDEMPOTENCY_EXPIRES = "FASTLAMBDA_IDEMPOTENCY_EXPIRES"
"""Where it finds how many seconds a record counts."""

EVENT_SOURCES = "FASTLAMBDA_EVENT_SOURCES"
"""Where the function finds the name or the ARN of each queue and topic, by the key of its consumer."""

EVENT_DESTINATIONS = "FASTLAMBDA_EVENT_DESTINATIONS"
"""Where the function finds the ARN of each queue, topic and bus that it publishes to, by their keys."""

_LAMBDA_LEVELS = {"WARNING": "WARN", "CRITICAL": "FATAL"}


def lambda_log_level(level: str) -> str:
    """Lambda's name of one of Python's log levels (AWS Lambda API Reference, "LoggingConfig")."""
    return _LAMBDA_LEVELS.get(level, level)


def secret_variable(name: str, spec: SecretSpec) -> str:
    """The environment variable in which the function finds a secret's ARN."""
    return spec.env or f"{name.upper()}_SECRET_ARN"


def function_variables(
    service: Service,
    stack_name: str,
    secret_arns: Mapping[str, T],
    destinations: T | str | None = None,
    environment: Mapping[str, str] | None = None,
) -> dict[str, str | T]:
    """Every environment variable that the service's configuration and its events give a function of it.

    Each function has the names of all sources. While a consumer moves from one function to another, a version of before
    gets its messages, and has to know them.

    Args:
        service: The service.
        stack_name: The stage's, after which what the stack makes is named.
        secret_arns: The ARN of each secret by its environment variable; on AWS it may be a reference to one.
        destinations: The value of FASTLAMBDA_EVENT_DESTINATIONS, as `destination_arns` makes it; None for none.
        environment: The function's own; by default that of the one that answers HTTP.

    """
    own_variables = service.configuration.environment if environment is None else environment
    powertools = {
        "POWERTOOLS_SERVICE_NAME": service.name,
        "POWERTOOLS_METRICS_NAMESPACE": service.configuration.metrics_namespace or service.name,
    }
    published = {EVENT_DESTINATIONS: destinations} if destinations is not None else {}
    own = {**_events(service, stack_name), **published, **_idempotency(service, stack_name)}
    return {**powertools, **own, **own_variables, **secret_arns}


def idempotency_table(stack_name: str) -> str:
    """The name of the table of a stack's idempotency records."""
    return f"{stack_name}-idempotency"


def _idempotency(service: Service, stack_name: str) -> dict[str, str]:
    if not service.idempotent:
        return {}
    expires = str(service.configuration.idempotency.expires)
    return {IDEMPOTENCY_TABLE: idempotency_table(stack_name), IDEMPOTENCY_EXPIRES: expires}


def destination_arns(service: Service, stack_name: str, arn: Callable[[str, str], str]) -> str | None:
    """The value of FASTLAMBDA_EVENT_DESTINATIONS: ARNs as a JSON object by key; None for a service without.

    Args:
        service: The service.
        stack_name: The stage's, after which what the stack makes is named.
        arn: Makes an ARN of an AWS service and what comes last, in the stack's account and Region.

    """
    arns = {destination_key(one): one.arn or _arn(one, service, stack_name, arn) for one in service.destinations}
    return json.dumps(arns, separators=(",", ":")) if arns else None


def _arn(destination: Destination, service: Service, stack_name: str, arn: Callable[[str, str], str]) -> str:
    if isinstance(destination, BusDestination):
        return arn("events", f"event-bus/{bus_name(destination.name, service.configuration.events, stack_name)}")
    return arn(destination.kind, f"{stack_name}-{destination.name}")


def _events(service: Service, stack_name: str) -> dict[str, str]:
    # An event tells its schedule by the name that was declared, and a rule not at all.
    names = {
        key_of(source): deployed_name(source, stack_name)
        for source in service.events
        if isinstance(source, QueueSource | TopicSource)
    }
    return {EVENT_SOURCES: json.dumps(names, separators=(",", ":"))} if names else {}
