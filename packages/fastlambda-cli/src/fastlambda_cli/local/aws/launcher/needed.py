"""Changing a module of ministack's when it is first needed: it imports each service late, and CloudFormation fifty."""

from __future__ import annotations

from collections.abc import Callable
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
