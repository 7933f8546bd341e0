"""Templates as people write them: YAML with the short forms of intrinsic functions, such as `!Ref`."""

from __future__ import annotations

from typing import Any

import yaml

_WITHOUT_PREFIX = frozenset({"Ref", "Condition"})
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """YAML as CloudFormation reads it: a date is a text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _intrinsic(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    """The full form of a function (AWS CloudFormation Template Reference, "Intrinsic functions")."""
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if name == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        raise yaml.constructor.ConstructorError(None, None, f"!{name} stands before nothing", node.start_mark)
    return {name if name in _WITHOUT_PREFIX else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _intrinsic)


def from_yaml(text: str) -> Any:
    """Read a template in YAML; every function in it comes out in its full form."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506  it makes nothing but what SafeLoader makes
