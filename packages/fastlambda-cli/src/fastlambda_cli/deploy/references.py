"""What a CloudFormation template's parts refer to, wherever the reference stands and in whichever of its notations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

_IN_TEXT = re.compile(r"\$\{(?P<literal>!?)(?P<name>[^}]*)\}")


class Kind(Enum):
    """What kind of thing is referred to."""

    VALUE = "Ref"
    """A parameter, a resource or a pseudo parameter."""
    RESOURCE = "Fn::GetAtt"
    CONDITION = "Condition"
    MAPPING = "Fn::FindInMap"


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference to something else in the template.

    Attributes:
        name: Its logical id.
        place: Where the reference stands, such as Resources.Alias.Properties.FunctionName.

    """

    kind: Kind
    name: str
    place: str


def references(node: Any, place: str) -> Iterator[Reference]:
    """Every reference in a part of a template (AWS CloudFormation Template Reference, "Intrinsic functions").

    Args:
        node: The part.
        place: Where it stands.

    """
    if isinstance(node, Mapping):
        if len(node) == 1:
            ((function, argument),) = node.items()
            yield from _of_function(str(function), argument, place)
        for key, below in node.items():
            yield from references(below, f"{place}.{key}")
    elif isinstance(node, list | tuple):
        for position, below in enumerate(node):
            yield from references(below, f"{place}.{position}")


def of_resource(logical_id: str, resource: Mapping[str, Any]) -> Iterator[Reference]:
    """Every reference of a resource: in its properties and attributes, its condition, and what it depends on."""
    place = f"Resources.{logical_id}"
    if isinstance(condition := resource.get("Condition"), str):
        yield Reference(Kind.CONDITION, condition, f"{place}.Condition")
    for name in depends_on(resource):
        yield Reference(Kind.RESOURCE, name, f"{place}.DependsOn")
    for key, value in resource.items():
        if key not in {"Condition", "DependsOn", "Type"}:
            yield from references(value, f"{place}.{key}")


def depends_on(resource: Mapping[str, Any]) -> list[str]:
    """The logical ids in a resource's DependsOn."""
    stated = resource.get("DependsOn", [])
    return [stated] if isinstance(stated, str) else list(stated)


def _of_function(function: str, argument: Any, place: str) -> Iterator[Reference]:
    place = f"{place}.{function}"
    if function == "Ref":
        yield Reference(Kind.VALUE, str(argument), place)
    elif function == "Fn::GetAtt":
        name = argument.split(".")[0] if isinstance(argument, str) else argument[0]
        yield Reference(Kind.RESOURCE, str(name), place)
    elif function == "Fn::Sub":
        yield from _of_text(argument, place)
    elif function == "Fn::If" and isinstance(argument, list) and argument:
        yield Reference(Kind.CONDITION, str(argument[0]), place)
    elif function == "Fn::FindInMap" and isinstance(argument, list) and isinstance(argument[0], str):
        yield Reference(Kind.MAPPING, argument[0], place)
    elif function == "Condition" and place.startswith("Conditions."):
        # Only there: elsewhere it may be a property of that name.
        yield Reference(Kind.CONDITION, argument, place)


def _of_text(argument: Any, place: str) -> Iterator[Reference]:
    text, own = (argument, {}) if isinstance(argument, str) else (argument[0], argument[1])
    for found in _IN_TEXT.finditer(text):
        name = found["name"].strip()
        if found["literal"] or name in own:
            continue
        head, dot, _ = name.partition(".")
        yield Reference(Kind.RESOURCE if dot else Kind.VALUE, head, place)
