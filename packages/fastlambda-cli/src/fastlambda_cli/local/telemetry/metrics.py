"""Metrics on their way to CloudWatch, gathered so that a second of many events costs one request."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

MOST_VALUES = 150
"""Different values of one datum (Amazon CloudWatch API Reference, "MetricDatum")."""
MOST_DATA = 1_000
"""Data of one request (Amazon CloudWatch API Reference, "PutMetricData")."""

_MOST_PENDING = 20_000
_DIGITS = 6


class Metric(NamedTuple):
    """What values belong to: two values with the same metric can be told apart by nothing.

    A tuple and no dataclass, because every event makes dozens of them, and looks each up.

    Attributes:
        dimensions: Names and values, sorted by name.
        second: When the values were measured, in seconds of the epoch.
        resolution: 60, or 1 for a metric of high resolution.

    """

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    unit: str
    second: int
    resolution: int = 60


class MetricQueue:
    """Values by their metric, until they are taken."""

    def __init__(self) -> None:
        self._pending: dict[Metric, dict[float, int]] = {}
        self._gathering: list[Callable[[], None]] = []
        self.dropped = 0

    def gathers(self, add: Callable[[], None]) -> None:
        """Have `add` called whenever everything is taken: for what is cheaper to count than to name."""
        self._gathering.append(add)

    def add(self, metric: Metric, value: float, times: int = 1) -> None:
        """Add a value; while nobody takes any, those beyond 20,000 metrics are dropped and counted in `dropped`."""
        values = self._pending.get(metric)
        if values is None:
            if len(self._pending) >= _MOST_PENDING:
                self.dropped += times
                return
            values = self._pending[metric] = {}
        values[value] = values.get(value, 0) + times
        if len(values) > MOST_VALUES:
            self._pending[metric] = _coarser(values)

    def take(self) -> Iterator[Mapping[str, Any]]:
        """Take everything, as requests of PutMetricData."""
        for add in self._gathering:
            add()
        pending, self._pending = self._pending, {}
        by_namespace: dict[str, list[Mapping[str, Any]]] = {}
        for metric, values in pending.items():
            by_namespace.setdefault(metric.namespace, []).append(_datum(metric, values))
        for namespace, data in by_namespace.items():
            for start in range(0, len(data), MOST_DATA):
                yield {"Namespace": namespace, "MetricData": data[start : start + MOST_DATA]}


def _datum(metric: Metric, values: Mapping[float, int]) -> Mapping[str, Any]:
    return {
        "MetricName": metric.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
        "Timestamp": metric.second,
        "Values": list(values),
        "Counts": [float(count) for count in values.values()],
        "Unit": metric.unit,
        "StorageResolution": metric.resolution,
    }


def _coarser(values: Mapping[float, int]) -> dict[float, int]:
    """Join values that are nearly the same, as CloudWatch does for its percentiles, until there are few."""
    for digits in range(_DIGITS, 0, -1):
        joined: dict[float, int] = {}
        for value, count in values.items():
            near = _rounded(value, digits)
            joined[near] = joined.get(near, 0) + count
        if len(joined) <= MOST_VALUES // 2:
            break
    return joined


def _rounded(value: float, digits: int) -> float:
    if not value:
        return value
    return round(value, digits - 1 - math.floor(math.log10(abs(value))))
