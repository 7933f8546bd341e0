"""The event buses that a stack makes for itself, so that no other stage gets its events."""

from __future__ import annotations

from typing import Any

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.destinations import BusDestination
from fastlambda_cli.service.events import RuleSource, bus_name
from fastlambda_cli.template.events.naming import logical_id_of
from fastlambda_cli.template.intrinsics import Resources, arn, get_att, ref, resource
from fastlambda_cli.template.stack import Stack, in_logical_id

_MAX_NAME = 256


def bus_resources(stack: Stack) -> Resources:
    """The buses that are the stack's own.

    Raises:
        ConfigurationError: Two have the same logical id, one has that of something else, or a name is too long.

    """
    found: Resources = {}
    taken = {logical_id_of(source): source.name for source in stack.service.events}
    for bus in _own_buses(stack):
        name = bus_name(bus, stack.configuration.events, stack.name)
        logical_id = _logical_id(bus)
        if logical_id in found or logical_id in taken:
            raise ConfigurationError(
                f"The bus {bus} has the logical id {logical_id}, which another has already",
                why="a logical id has neither the hyphens nor the underscores of a name",
                remedy="Rename it where it is declared.",
            )
        if len(name) > _MAX_NAME:
            raise ConfigurationError(
                f"The bus {bus} would be {name} on AWS, of {len(name)} characters",
                why=f"AWS takes {_MAX_NAME}",
                remedy="Shorten its name where it is declared, the service's or the stage's.",
            )
        found[logical_id] = resource("AWS::Events::EventBus", {"Name": name, "Tags": stack.tags})
    return found


def rule_bus(stack: Stack, source: RuleSource) -> Any:
    """What a rule says of its bus: None for the default one."""
    if source.of_aws:
        return None
    if source.bus in _own_buses(stack):
        return ref(_logical_id(source.bus))
    name = bus_name(source.bus, stack.configuration.events, stack.name)
    return name if name != "default" else None


def bus_arn(stack: Stack, destination: BusDestination) -> Any:
    """The ARN of the bus that is put on."""
    if destination.name in _own_buses(stack):
        return get_att(_logical_id(destination.name), "Arn")
    name = bus_name(destination.name, stack.configuration.events, stack.name)
    return destination.arn or arn("events", f"event-bus/{name}")


def _own_buses(stack: Stack) -> list[str]:
    """Those of the declared buses that the stack makes, by declared name."""
    consumed = [one.bus for one in stack.service.events if isinstance(one, RuleSource) and not one.of_aws]
    put_on = [one.name for one in stack.service.destinations if isinstance(one, BusDestination)]
    overrides = stack.configuration.events.bus
    return [bus for bus in sorted({*consumed, *put_on}) if bus in overrides and overrides[bus].own]


def _logical_id(bus: str) -> str:
    return f"{in_logical_id(bus)}Bus"
