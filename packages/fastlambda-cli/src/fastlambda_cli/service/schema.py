"""The configuration as JSON Schema, by which an editor completes and checks [tool.fastlambda] while it is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fastlambda_cli.service.model import Configuration
from fastlambda_cli.service.stages import SAME_IN_EVERY_STAGE, STAGE_NAME

_DIALECT = "http://json-schema.org/draft-07/schema#"
"""What the TOML extensions of editors understand."""

_ATTRIBUTES = "\n\nAttributes:\n"
_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.+(?:\n {5,}.+)*)", re.MULTILINE)

Schema = dict[str, Any]


def json_schema() -> Schema:
    """A schema of pyproject.toml that says everything about [tool.fastlambda] and nothing about the rest.

    What is wrong only in combination, such as SnapStart with provisioned concurrency, it does not find.
    """
    generated = Configuration.model_json_schema()
    table = _readable(generated, generated["$defs"])
    stage = _partial(table)
    for key in SAME_IN_EVERY_STAGE:
        del stage["properties"][key]
    table["properties"]["stages"] |= {"patternProperties": {STAGE_NAME: stage}}
    return {
        "$schema": _DIALECT,
        "title": "pyproject.toml of a FastLambda service",
        "type": "object",
        "properties": {"tool": {"type": "object", "properties": {"fastlambda": table}}},
    }


def _readable(node: Any, definitions: Mapping[str, Schema]) -> Any:
    """A schema without references, without what TOML has not (null), and with a description of every key."""
    if isinstance(node, list):
        return [_readable(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _readable(definitions[node["$ref"].rpartition("/")[2]], definitions)
    alternatives = [item for item in node.get("anyOf", ()) if item != {"type": "null"}]
    if len(alternatives) == 1:
        return _readable(alternatives[0], definitions)
    stated = {key: value for key, value in node.items() if key not in {"$defs", "title", "properties"}}
    made: Schema = {key: _readable(value, definitions) for key, value in stated.items()}
    if isinstance(made.get("default"), dict):
        del made["default"]
    if "patternProperties" in made:
        made["additionalProperties"] = False
    if "properties" in node:
        made |= _table(node, definitions)
    return made


def _table(node: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """A table's own description, and those of its keys, out of the docstring of its class."""
    summary, _, section = node["description"].partition(_ATTRIBUTES)
    texts = {name: " ".join(text.split()) for name, text in _ATTRIBUTE.findall(section)}
    properties = {name: _readable(value, definitions) for name, value in node["properties"].items()}
    for name, schema in properties.items():
        text = texts.get(name) or schema.get("description")
        properties[name] = {"description": text, **schema} | {"description": text}
    return {"description": " ".join(summary.split()), "properties": properties}


def _partial(node: Any) -> Any:
    """The schema of a table that is merged into another one: nothing in it has to be there."""
    if isinstance(node, list):
        return [_partial(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: _partial(value) for key, value in node.items() if key not in {"required", "default"}}
