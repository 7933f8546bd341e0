"""What a service consumes in a stage, and what it publishes to: what its code and the configuration say together."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.configuration import expected
from fastlambda_cli.service.declarations import Declaration, read_declarations
from fastlambda_cli.service.destinations import BusDestination, Destination, TopicDestination
from fastlambda_cli.service.events import (
    FAILED_EVENTS,
    EventSource,
    QueueSource,
    RuleSource,
    ScheduleSource,
    TopicSource,
    dead_letters_name,
    key_of,
)
from fastlambda_cli.service.model import Configuration
from fastlambda_cli.service.publication import published_to
from fastlambda_cli.service.record import Record

_KINDS: Mapping[str, type[EventSource]] = {
    kind.kind: kind for kind in (QueueSource, TopicSource, RuleSource, ScheduleSource)
}
_NAMED_BY = {"sqs": "queue", "sns": "topic"}
"""The arguments that hold a name or an ARN."""

_NO_ARGUMENTS = frozenset({"arn", "consumer", "enabled", "idempotent", "name", "topic_arn"})
"""Fields of the sources that no decorator takes under this name."""

_NEEDED = {"sqs": "queue", "sns": "topic", "eventbridge": "source", "schedule": "expression"}


@dataclass(frozen=True, slots=True)
class Events:
    """The events of a service.

    Attributes:
        consumed: What it consumes besides HTTP requests, sorted by kind and name.
        published: What it publishes to, sorted likewise.

    """

    consumed: tuple[EventSource, ...]
    published: tuple[Destination, ...]


def declared_events(root: Path, configuration: Configuration, file: Path) -> Events:
    """Read what a service consumes and what it publishes to.

    Args:
        root: The service's folder.
        configuration: Of the stage.
        file: The pyproject.toml, for the error.

    Raises:
        ConfigurationError: A declaration cannot be read or says what AWS would refuse, or the configuration replaces
            something in what is not declared.

    """
    found: dict[str, EventSource] = {}
    declared = read_declarations(root, configuration.handler, configuration.package.exclude)
    places: dict[str, str] = {}
    for declaration in declared.consumers:
        source = _source(declaration, configuration)
        key = key_of(source)
        if key in found:
            raise ConfigurationError(
                f"{declaration.place} declares a second consumer of {key}",
                why=f"{found[key].consumer} at {places[key]} has it already",
                remedy="Let one of them call the other, or give the second a name of its own.",
            )
        found[key], places[key] = source, declaration.place
    published = published_to(declared.publishers, found.values(), configuration)
    _check_overrides(found, published, configuration, file)
    _check_functions(found, configuration, file)
    return Events(tuple(found[key] for key in sorted(found)), published)


def names_after_the_stage(events: Events, configuration: Configuration) -> dict[str, set[str]]:
    """What the stack makes for events and names after its stage: the names that follow that, by kind in words.

    Schedules are not among them, of which each stage has a group of its own, nor are rules on a bus of the stage's own.
    """
    own = {name for name, override in configuration.events.bus.items() if override.own}
    queues = {one.name for one in events.consumed if isinstance(one, QueueSource) and one.arn is None}
    queues |= {dead_letters_name(queue) for queue in queues}
    if any(not isinstance(one, QueueSource) for one in events.consumed):
        queues.add(FAILED_EVENTS)
    topics = {one.name for one in events.consumed if isinstance(one, TopicSource) and one.arn is None}
    topics |= {one.name for one in events.published if isinstance(one, TopicDestination) and one.arn is None}
    topics |= {
        one.topic for one in events.consumed if isinstance(one, QueueSource) and one.topic and one.topic_arn is None
    }
    return {
        "queue": queues,
        "topic": topics,
        "rule": {
            one.name for one in events.consumed if isinstance(one, RuleSource) and (one.of_aws or one.bus not in own)
        },
        "bus": own,
    }


def _source(declaration: Declaration, configuration: Configuration) -> EventSource:
    kind = _KINDS[declaration.kind]
    arguments = dict(declaration.arguments)
    if _NEEDED[declaration.kind] not in arguments:
        raise _wrong(declaration, f"lacks `{_NEEDED[declaration.kind]}`", "Add it.")
    named_by = _NAMED_BY.get(declaration.kind)
    name = arguments.pop(named_by) if named_by else arguments.pop("name", None) or declaration.function
    if unknown := arguments.keys() - (kind.model_fields.keys() - _NO_ARGUMENTS):
        near = difflib.get_close_matches(min(unknown), kind.model_fields.keys() - _NO_ARGUMENTS, n=1)
        raise _wrong(
            declaration, f"has no argument {min(unknown)}", f"Did you mean {near[0]}?" if near else "Remove it."
        )
    replaced = _override(declaration.kind, str(name).rpartition(":")[2], configuration)
    if "arn" in replaced:
        for of_a_queue_that_is_made in ("max_receive_count", "topic"):
            arguments.pop(of_a_queue_that_is_made, None)
    known = {"consumer": declaration.consumer, "idempotent": declaration.idempotent}
    values = {**known, **_named(name, arn=bool(named_by)), **arguments, **replaced}
    if declaration.kind == "sqs" and arguments.get("topic") is not None:
        values |= _topic(arguments["topic"], configuration)
    try:
        return kind.model_validate(values)
    except ValidationError as problem:
        raise _refused(declaration, problem, replaced) from None


def _named(name: Any, *, arn: bool) -> dict[str, Any]:
    if arn and isinstance(name, str) and name.startswith("arn:"):
        return {"name": name.rpartition(":")[2], "arn": name}
    return {"name": name}


def _topic(topic: Any, configuration: Configuration) -> dict[str, Any]:
    """The topic that a queue is subscribed to, which a stage may have elsewhere like any other."""
    named = _named(topic, arn=True)
    replaced = _override("sns", str(named["name"]), configuration)
    return {"topic": named["name"], "topic_arn": replaced.get("arn", named.get("arn"))}


def _override(kind: str, name: str, configuration: Configuration) -> dict[str, Any]:
    override: Record | None = configuration.events.overrides(kind).get(name)
    return override.model_dump(exclude_none=True) if override is not None else {}


def _refused(declaration: Declaration, problem: ValidationError, replaced: Mapping[str, Any]) -> ConfigurationError:
    error = problem.errors(include_url=False)[0]
    if error["type"] == "value_error":
        contradiction = error["ctx"]["error"]
        return _wrong(declaration, f"cannot be: {contradiction}", contradiction.remedy)
    argument = str(error["loc"][0])
    by = f" by [tool.fastlambda.events.{declaration.kind}]" if argument in replaced else ""
    return _wrong(
        declaration,
        f"has {argument} = {error['input']!r}{by}, and it must be {expected(error)}",
        "Correct the value.",
    )


def _wrong(declaration: Declaration, what: str, remedy: str) -> ConfigurationError:
    return ConfigurationError(
        f"{declaration.place}: @...{declaration.kind} of {declaration.function} {what}", remedy=remedy
    )


def _check_overrides(
    found: Mapping[str, EventSource], published: Iterable[Destination], configuration: Configuration, file: Path
) -> None:
    topics = [(one.kind, one.name) for one in published if isinstance(one, TopicDestination)]
    topics += [("sns", one.topic) for one in found.values() if isinstance(one, QueueSource) and one.topic is not None]
    put_on = [("bus", one.name) for one in published if isinstance(one, BusDestination)]
    # A rule of AWS's own events is moved by nothing, so it is no reason to replace the default bus.
    rules = [one for one in found.values() if isinstance(one, RuleSource)]
    of_rules = [("bus", one.bus) for one in rules if not one.of_aws]
    declared = dict.fromkeys([*((source.kind, source.name) for source in found.values()), *topics, *put_on, *of_rules])
    for kind in (*_KINDS, "bus"):
        for name in configuration.events.overrides(kind):
            if (kind, name) not in declared:
                known = [one for of_kind, one in declared if of_kind == kind]
                near = difflib.get_close_matches(name, known, n=1)
                raise ConfigurationError(
                    f"{file}: tool.fastlambda.events.{kind}.{name} is of nothing that the code declares",
                    why=f"it declares: {', '.join(known) or 'none of this kind'}",
                    remedy=f"Did you mean {near[0]}?" if near else "Remove it, or declare it on the EventRouter.",
                )


def _check_functions(found: Mapping[str, EventSource], configuration: Configuration, file: Path) -> None:
    """Refuse what is different of a function that no consumer is declared with: it would not be made."""
    known = sorted({source.function for source in found.values() if source.function is not None})
    for name in configuration.functions:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise ConfigurationError(
                f"{file}: tool.fastlambda.functions.{name} is of no function that a consumer is declared with",
                why=f"they are declared with: {', '.join(known) or 'none'}",
                remedy=f"Did you mean {near[0]}?"
                if near
                else f'Remove it, or declare a consumer with function="{name}".',
            )
