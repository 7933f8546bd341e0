"""Logical ids and names of what a source needs."""

from __future__ import annotations

from typing import TypeVar

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.destinations import (
    BusDestination,
    Destination,
    QueueDestination,
    TopicDestination,
    destination_key,
)
from fastlambda_cli.service.events import AnySource, EventSource, QueueSource, key_of
from fastlambda_cli.template.intrinsics import Resources
from fastlambda_cli.template.stack import Stack, in_logical_id

AnyDestination = TypeVar("AnyDestination", QueueDestination, TopicDestination, BusDestination)

FAILED_EVENTS = "FailedEvents"
"""The queue that keeps what topics, rules and schedules brought in vain."""

_SUFFIXES = {"sqs": "Queue", "sns": "Topic", "eventbridge": "Rule", "schedule": "Schedule"}
_NAMES = {"AWS::SQS::Queue": "QueueName", "AWS::SNS::Topic": "TopicName", "AWS::CloudWatch::Alarm": "AlarmName"}
_OF_THE_STACK = frozenset({"AlarmTopic"})
"""Logical ids of the other parts of a template that a source's could be."""


def has_asynchronous_sources(stack: Stack) -> bool:
    """Whether anything but queues brings events."""
    return any(function.has_asynchronous_sources for function in stack.functions)


def sources_of(stack: Stack, kind: type[AnySource]) -> dict[str, AnySource]:
    """The sources of one kind, by their logical ids.

    Raises:
        ConfigurationError: Two have the same logical id, or one has that of something else.

    """
    found: dict[str, AnySource] = {}
    for source in stack.service.events:
        if not isinstance(source, kind):
            continue
        logical_id = logical_id_of(source)
        if logical_id in found or logical_id in _OF_THE_STACK:
            other = key_of(found[logical_id]) if logical_id in found else "the topic of the alarms"
            raise ConfigurationError(
                f"{key_of(source)} has the logical id {logical_id}, which {other} has already",
                why="a logical id has neither the hyphens nor the underscores of a name",
                remedy=f"Rename it where {source.consumer} is declared.",
            )
        found[logical_id] = source
    return found


def destinations_of(stack: Stack, kind: type[AnyDestination]) -> dict[str, AnyDestination]:
    """The destinations of one kind, by the logical ids of what the stack makes for them.

    Raises:
        ConfigurationError: Two have the same logical id, or one has that of something else.

    """
    found: dict[str, AnyDestination] = {}
    taken = {logical_id_of(source): source.name for source in stack.service.events} | dict.fromkeys(_OF_THE_STACK, "")
    for destination in stack.service.destinations:
        if not isinstance(destination, kind):
            continue
        logical_id = logical_id_of(destination)
        if logical_id in found or taken.get(logical_id, destination.name) != destination.name:
            raise ConfigurationError(
                f"{destination_key(destination)} has the logical id {logical_id}, which another has already",
                why="a logical id has neither the hyphens nor the underscores of a name",
                remedy="Rename it where it is declared.",
            )
        found[logical_id] = destination
    return found


def logical_id_of(source: EventSource | Destination) -> str:
    """The logical id of a source, by which its neighbours are named: BookImportsQueue for book-imports."""
    return in_logical_id(source.name) + _SUFFIXES[source.kind]


def topic_id(topic: str) -> str:
    """The logical id of a topic, by declared name."""
    return in_logical_id(topic) + _SUFFIXES["sns"]


def subscribed_topics(stack: Stack) -> dict[str, str]:
    """The topics that queues are subscribed to and that do not exist, by logical id: their declared names.

    Raises:
        ConfigurationError: Two have the same logical id, or one has that of something else.

    """
    found: dict[str, str] = {}
    taken = {logical_id_of(one): one.name for one in (*stack.service.events, *stack.service.destinations)}
    for source in stack.service.events:
        if not isinstance(source, QueueSource) or source.topic is None or source.topic_arn is not None:
            continue
        logical_id = topic_id(source.topic)
        if {found.get(logical_id), taken.get(logical_id)} - {None, source.topic} or logical_id in _OF_THE_STACK:
            raise ConfigurationError(
                f"sns:{source.topic} has the logical id {logical_id}, which another has already",
                why="a logical id has neither the hyphens nor the underscores of a name",
                remedy=f"Rename it where {source.consumer} is declared.",
            )
        found[logical_id] = source.topic
    return found


def fitting(name: str, limit: int, source: EventSource | Destination) -> str:
    """The name of something that a source or a destination needs.

    Raises:
        ConfigurationError: It is longer than AWS takes.

    """
    if len(name) > limit:
        raise ConfigurationError(
            f"{source.kind}:{source.name} would be {name} on AWS, of {len(name)} characters",
            why=f"AWS takes {limit}",
            remedy="Shorten its name where it is declared, the service's or the stage's.",
        )
    return name


def check_names(resources: Resources) -> None:
    """Check that no two resources have one name, as a queue would that is called like another's dead-letter queue.

    Raises:
        ConfigurationError: Two have.

    """
    owners: dict[tuple[str, str], str] = {}
    for logical_id, item in resources.items():
        name = item["Properties"].get(_NAMES.get(item["Type"]))
        if name is not None and owners.setdefault((item["Type"], name), logical_id) != logical_id:
            raise ConfigurationError(
                f"{owners[item['Type'], name]} and {logical_id} would both be named {name} on AWS",
                why="what is made besides a queue or a topic is named after it",
                remedy="Rename one of the two queues or topics where it is declared.",
            )
