"""Lambda's own metrics: AWS Lambda Developer Guide, "Types of metrics for Lambda functions"."""

from __future__ import annotations

import contextlib
import functools
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from fastlambda_cli.local.model import LATEST, InvokeResult, ThrottledError
from fastlambda_cli.local.telemetry.metrics import MOST_VALUES, Metric, MetricQueue

NAMESPACE = "AWS/Lambda"

_REMEMBERED = 1_000
_COUNT = "Count"
_Value: TypeAlias = tuple[str, float, str]
"""The metric's name, the value, its unit."""


@dataclass(slots=True)
class Measured:
    """An invocation that is being measured.

    Attributes:
        name: The function's name.
        qualifier: The version or alias that the caller named.
        began_at: Seconds of the epoch.
        concurrent: Events of the function at this moment, itself among them.
        result: Is set when it has one.

    """

    name: str
    qualifier: str | None
    began_at: float
    concurrent: int
    result: InvokeResult | None = None


class LambdaMetrics:
    """Measures invocations.

    Args:
        queue: Takes the values.

    """

    def __init__(self, queue: MetricQueue) -> None:
        self._queue = queue
        self._running: Counter[str] = Counter()
        self._durations: dict[str, float] = {}
        self._counts: dict[tuple[str, str | None, str | None, int], dict[_Value, int]] = {}
        queue.gathers(self._gather)

    def reported(self, request_id: str, duration_ms: float) -> None:
        """Take the duration that the platform reports of an invocation, before its result is known here."""
        self._durations[request_id] = duration_ms
        if len(self._durations) > _REMEMBERED:
            del self._durations[next(iter(self._durations))]

    @contextlib.contextmanager
    def invocation(self, name: str, qualifier: str | None) -> Iterator[Measured]:
        """Measure one invocation while the block runs; one that raises anything but ThrottledError is not counted.

        Args:
            name: The function's name.
            qualifier: The version or alias that the caller named.

        """
        measured = self.begin(name, qualifier)
        try:
            yield measured
        except ThrottledError:
            self._count(name, qualifier, None, measured.began_at, [("Throttles", 1.0, _COUNT)])
            raise
        finally:
            self.end(measured)

    def begin(self, name: str, qualifier: str | None) -> Measured:
        """Measure one invocation until `end`; the parameters are those of `invocation`."""
        self._running[name] += 1
        return Measured(name, qualifier, time.time(), self._running[name])

    def end(self, measured: Measured) -> None:
        """Count an invocation that is over, if it has a result."""
        self._running[measured.name] -= 1
        result = measured.result
        if result is None:
            return
        values = [
            ("Invocations", 1.0, _COUNT),
            ("Errors", float(result.function_error is not None), _COUNT),
            ("Throttles", 0.0, _COUNT),
            ("ConcurrentExecutions", float(measured.concurrent), _COUNT),
        ]
        if (duration := self._durations.pop(result.request_id, None)) is not None:
            values.append(("Duration", round(duration, 2), "Milliseconds"))
        self._count(measured.name, measured.qualifier, result.executed_version, measured.began_at, values)

    def _count(
        self,
        name: str,
        qualifier: str | None,
        executed: str | None,
        at: float,
        values: Iterable[_Value],
    ) -> None:
        if len(self._counts) > _REMEMBERED:
            self._gather()
        counts = self._counts.setdefault((name, qualifier, executed, int(at)), {})
        for one in values:
            counts[one] = counts.get(one, 0) + 1
        if len(counts) > MOST_VALUES:
            self._gather()

    def _gather(self) -> None:
        """Add what was counted, by every set of dimensions."""
        everything, self._counts = self._counts, {}
        for (name, qualifier, executed, second), counts in everything.items():
            for dimensions in _dimension_sets(name, qualifier, executed):
                for (metric, value, unit), times in counts.items():
                    self._queue.add(Metric(NAMESPACE, metric, dimensions, unit, second), value, times)


@functools.lru_cache(maxsize=_REMEMBERED)
def _dimension_sets(name: str, qualifier: str | None, executed: str | None) -> tuple[tuple[tuple[str, str], ...], ...]:
    """The sets of dimensions that Lambda counts an invocation by, each sorted by name."""
    resource = name if qualifier is None else f"{name}:{qualifier}"
    function, by_resource = ("FunctionName", name), ("Resource", resource)
    sets = ((function,), (function, by_resource))
    if executed is None or qualifier is None or qualifier == LATEST or qualifier.isdigit():
        return sets
    return (*sets, (("ExecutedVersion", executed), function, by_resource))
