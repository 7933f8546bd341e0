"""Lambda's own metrics: AWS Lambda Developer Guide, "Types of metrics for Lambda functions"."""

from __future__ import annotations

import contextlib
import functools
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from fastlambda_cli.local.model import LATEST, InvokeResult, ThrottledError
from fastlambda_cli.local.telemetry.metrics import MOST_VALUES, Metric, MetricQueue

NAMESPACE = "AWS/Lambda"

_REMEMBERED = 1_000
_COUNT = "Count"
_MILLISECONDS = "Milliseconds"


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


@dataclass(slots=True)
class _Second:
    """What was counted in a second.

    Attributes:
        outcomes: How often an invocation had failed or not, with so many at once.
        durations: How often one took so many milliseconds.
        throttled: How many were throttled.

    """

    outcomes: dict[tuple[bool, int], int] = field(default_factory=dict)
    durations: dict[float, int] = field(default_factory=dict)
    throttled: int = 0

    def values(self) -> Iterator[tuple[str, float, str, int]]:
        """The metric's name, a value, its unit and how often there was that one."""
        for (failed, concurrent), times in self.outcomes.items():
            yield "Invocations", 1.0, _COUNT, times
            yield "Errors", float(failed), _COUNT, times
            yield "Throttles", 0.0, _COUNT, times
            yield "ConcurrentExecutions", float(concurrent), _COUNT, times
        for duration, times in self.durations.items():
            yield "Duration", duration, _MILLISECONDS, times
        if self.throttled:
            yield "Throttles", 1.0, _COUNT, self.throttled


class LambdaMetrics:
    """Measures invocations.

    Args:
        queue: Takes the values.

    """

    def __init__(self, queue: MetricQueue) -> None:
        self._queue = queue
        self._running: Counter[str] = Counter()
        self._durations: dict[str, float] = {}
        self._counts: dict[tuple[str, str | None, str | None, int], _Second] = {}
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
            self._of(measured, None).throttled += 1
            raise
        finally:
            self.end(measured)
            self.count(measured)

    def begin(self, name: str, qualifier: str | None) -> Measured:
        """Measure one invocation until `end`, and have `count` count it; the parameters are those of `invocation`."""
        self._running[name] += 1
        return Measured(name, qualifier, time.time(), self._running[name])

    def end(self, measured: Measured) -> None:
        """Take note that an invocation is over."""
        self._running[measured.name] -= 1

    def count(self, measured: Measured) -> None:
        """Count an invocation, if it has a result."""
        result = measured.result
        if result is None:
            return
        second = self._of(measured, result.executed_version)
        outcome = result.function_error is not None, measured.concurrent
        second.outcomes[outcome] = second.outcomes.get(outcome, 0) + 1
        if (duration := self._durations.pop(result.request_id, None)) is not None:
            duration = round(duration, 2)
            second.durations[duration] = second.durations.get(duration, 0) + 1

    def _of(self, measured: Measured, executed: str | None) -> _Second:
        """Where an invocation is counted that a version has executed."""
        if len(self._counts) > _REMEMBERED:
            self._gather()
        key = measured.name, measured.qualifier, executed, int(measured.began_at)
        second = self._counts.get(key)
        if second is not None and len(second.durations) >= MOST_VALUES:
            self._gather()
            second = None
        if second is None:
            second = self._counts[key] = _Second()
        return second

    def _gather(self) -> None:
        """Add what was counted, by every set of dimensions."""
        everything, self._counts = self._counts, {}
        for (name, qualifier, executed, second), counts in everything.items():
            for dimensions in _dimension_sets(name, qualifier, executed):
                for metric, value, unit, times in counts.values():
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
