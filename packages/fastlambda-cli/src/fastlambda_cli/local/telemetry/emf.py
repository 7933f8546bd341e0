"""Metrics in log lines: Amazon CloudWatch User Guide, "Specification: Embedded metric format"."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from typing import Any

from fastlambda_cli.local.telemetry.metrics import Metric

_MOST_METRICS = 100
_MOST_VALUES = 100
_MOST_DIMENSIONS = 30
_LONGEST_VALUE = 1024
_SIZES = ("Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes")
_SMALL_SIZES = ("Bits", "Kilobits", "Megabits", "Gigabits", "Terabits")
_AMOUNTS = (*_SIZES, *_SMALL_SIZES, "Count")
_UNITS = (
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Percent",
    "None",
    *_AMOUNTS,
    *(f"{each}/Second" for each in _AMOUNTS),
)
"""Amazon CloudWatch API Reference, "MetricDatum"."""
_OLDEST_S = 14 * 24 * 3600
_AHEAD_S = 2 * 3600


class EmfError(ValueError):
    """CloudWatch makes no metrics of the line."""


def embedded(document: Mapping[str, Any]) -> Iterator[tuple[Metric, float]]:
    """Every value of every metric that a line carries, once for each of its dimension sets.

    Args:
        document: The line; its `_aws` has a Timestamp and a list of CloudWatchMetrics.

    Raises:
        EmfError: The line is not as the specification says.

    """
    second = _second(document["_aws"]["Timestamp"])
    for directive in document["_aws"]["CloudWatchMetrics"]:
        yield from _of_directive(document, directive, second)


def _of_directive(document: Mapping[str, Any], directive: Any, second: int) -> Iterator[tuple[Metric, float]]:
    if not isinstance(directive, dict) or not isinstance(directive.get("Namespace"), str) or not directive["Namespace"]:
        raise EmfError("a directive has no Namespace")
    definitions = directive.get("Metrics", [])
    if not isinstance(definitions, list) or len(definitions) > _MOST_METRICS:
        raise EmfError(f"Metrics is no list of {_MOST_METRICS} metrics at the most")
    sets = [_dimensions(document, keys) for keys in _sets(directive)]
    for definition in definitions:
        if not isinstance(definition, dict) or not isinstance(definition.get("Name"), str):
            raise EmfError("a metric has no Name")
        unit, resolution = definition.get("Unit", "None"), definition.get("StorageResolution", 60)
        if unit not in _UNITS or resolution not in {1, 60}:
            raise EmfError(f"the metric {definition['Name']} has a unit or a resolution that CloudWatch does not know")
        for value in _values(document, definition["Name"]):
            for dimensions in sets:
                yield (
                    Metric(
                        directive["Namespace"],
                        definition["Name"],
                        dimensions,
                        unit,
                        second,
                        resolution,
                    ),
                    value,
                )


def _second(timestamp: Any) -> int:
    if not _is_number(timestamp):
        raise EmfError("the Timestamp is no number of milliseconds")
    second = int(timestamp // 1000)
    now = time.time()
    if not now - _OLDEST_S <= second <= now + _AHEAD_S:
        raise EmfError("the Timestamp is over two weeks old, or over two hours ahead")
    return second


def _sets(directive: Mapping[str, Any]) -> list[list[Any]]:
    sets = directive.get("Dimensions", [[]])
    if not isinstance(sets, list) or not all(isinstance(keys, list) for keys in sets):
        raise EmfError("Dimensions is no list of lists")
    return sets or [[]]


def _dimensions(document: Mapping[str, Any], keys: list[Any]) -> tuple[tuple[str, str], ...]:
    if len(keys) > _MOST_DIMENSIONS:
        raise EmfError(f"a dimension set has more than {_MOST_DIMENSIONS} dimensions")
    for key in keys:
        value = document.get(key) if isinstance(key, str) else None
        if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_VALUE:
            raise EmfError(f"the dimension {key} has no text of 1 to {_LONGEST_VALUE} characters at the root")
    return tuple(sorted((key, document[key]) for key in keys))


def _values(document: Mapping[str, Any], name: str) -> list[float]:
    """The values of a metric; none when the line has no such member, as a directive may name more than there is."""
    if name not in document:
        return []
    values = document[name] if isinstance(document[name], list) else [document[name]]
    if len(values) > _MOST_VALUES or not all(_is_number(value) for value in values):
        raise EmfError(f"the metric {name} is neither a number nor a list of {_MOST_VALUES} numbers at the most")
    return [float(value) for value in values]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
