"""Changing a module of ministack's when it is first needed: it imports each service late, and CloudFormation fifty."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ministack import app as ministack  # type: ignore[import-not-found,unused-ignore]


def when_needed(name: str, change: Callable[[Any], None]) -> None:
    """Have a service's module changed once, before anybody uses it."""
    get_module = ministack._get_module  # noqa: SLF001
    changed: set[str] = set()

    def got(wanted: str) -> Any:
        module = get_module(wanted)
        if wanted == name and name not in changed:
            changed.add(name)
            change(module)
        return module

    ministack._get_module = got  # noqa: SLF001


def when_provisioned(kind: str, wrap: Callable[[Any], Any]) -> None:
    """Put something round how CloudFormation makes resources of a type."""

    def change(cloudformation: Any) -> None:
        handlers = cloudformation.provisioners._RESOURCE_HANDLERS[kind]  # noqa: SLF001
        handlers["create"] = wrap(handlers["create"])

    when_needed("cloudformation", change)


def after_provisioned(kind: str, keep: Callable[[str, Mapping[str, Any]], None]) -> None:
    """Have something done once CloudFormation has made or updated a resource of a type.

    Args:
        kind: The type.
        keep: Takes the physical id and the properties.

    """

    def change(cloudformation: Any) -> None:
        handlers = cloudformation.provisioners._RESOURCE_HANDLERS[kind]  # noqa: SLF001
        create, update = handlers["create"], handlers["update"]

        def kept(made: Any, properties: Mapping[str, Any]) -> Any:
            keep(made[0] if isinstance(made, tuple) else made, properties)
            return made

        def created(logical_id: str, properties: Mapping[str, Any], *rest: Any, **more: Any) -> Any:
            return kept(create(logical_id, properties, *rest, **more), properties)

        def updated(physical_id: str, before: Any, after: Mapping[str, Any], *rest: Any, **more: Any) -> Any:
            return kept(update(physical_id, before, after, *rest, **more), after)

        handlers.update(create=created, update=updated)

    when_needed("cloudformation", change)
