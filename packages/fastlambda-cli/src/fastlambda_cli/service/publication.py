"""What a service publishes to in a stage: what its code declares, with what the configuration replaces in it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.configuration import expected
from fastlambda_cli.service.declarations import Publisher
from fastlambda_cli.service.destinations import (
    BusDestination,
    Destination,
    QueueDestination,
    TopicDestination,
    destination_key,
)
from fastlambda_cli.service.events import DEFAULT_BUS, EventSource, QueueSource
from fastlambda_cli.service.model import Configuration

_KINDS: Mapping[str, type[Destination]] = {
    kind.kind: kind for kind in (QueueDestination, TopicDestination, BusDestination)
}


def published_to(
    publishers: Iterable[Publisher], consumed: Iterable[EventSource], configuration: Configuration
) -> tuple[Destination, ...]:
    """Make destinations of what is declared, each once and sorted.

    Args:
        publishers: As declared.
        consumed: What the service consumes.
        configuration: Of the stage.

    Raises:
        ConfigurationError: A declaration says what AWS would refuse, or names a queue that nobody makes.

    """
    queues = [source.name for source in consumed if isinstance(source, QueueSource)]
    found: dict[tuple[str, str], Destination] = {}
    for publisher in publishers:
        destination = _destination(publisher, configuration)
        if isinstance(destination, QueueDestination) and destination.arn is None and destination.name not in queues:
            near = difflib.get_close_matches(destination.name, queues, n=1)
            raise ConfigurationError(
                f"{publisher.place} sends to the queue {destination.name}, which nothing consumes",
                why=f"the code consumes {', '.join(queues) or 'no queue'}, and other queues are not made",
                remedy=f"Did you mean {near[0]}?" if near else "Declare its consumer, or name the queue by its ARN.",
            )
        found[destination_key(destination), getattr(destination, "source", "")] = destination
    return tuple(found[key] for key in sorted(found))


def _destination(publisher: Publisher, configuration: Configuration) -> Destination:
    of_bus = publisher.kind == "eventbridge"
    values: dict[str, Any] = {**({"name": DEFAULT_BUS} if of_bus else {}), **publisher.arguments}
    if missing := ({"name", "source"} if of_bus else {"name"}) - values.keys():
        raise ConfigurationError(f"{publisher.place} lacks {min(missing)}", remedy="Add it.")
    name = values["name"]
    if isinstance(name, str) and name.startswith("arn:"):
        last = name.rpartition("event-bus/" if of_bus else ":")[2]
        values |= {"name": last, "arn": name}
    if of_bus and str(values["name"]) in configuration.events.bus:
        values.pop("arn", None)
    if not of_bus:
        override = configuration.events.overrides(publisher.kind).get(str(values["name"]))
        values |= {"arn": arn} if (arn := getattr(override, "arn", None)) else {}
    try:
        return _KINDS[publisher.kind].model_validate(values)
    except ValidationError as problem:
        error = problem.errors(include_url=False)[0]
        raise ConfigurationError(
            f"{publisher.place}: {'.'.join(map(str, error['loc']))} = {error['input']!r}",
            why=f"it must be {expected(error)}",
            remedy="Correct the value.",
        ) from None
