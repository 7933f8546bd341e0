"""Alarms look at the metric that they name: Amazon CloudWatch User Guide, "Using Amazon CloudWatch alarms".

ministack adds up a metric's values over all dimensions, in one period as long as all, and whatever the alarm says about
missing data. Its evaluation is replaced here, before it starts.
"""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from ministack.services import cloudwatch  # type: ignore[import-not-found,unused-ignore]

Alarm: TypeAlias = dict[str, Any]

_COMPARISONS: Mapping[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}


def evaluate_alarms_rightly() -> None:
    """Have ministack evaluate alarms by their dimensions, periods and treatment of missing data."""
    cloudwatch._evaluate_alarm = _evaluate  # noqa: SLF001


def _evaluate(alarm: Alarm) -> None:
    if not alarm.get("MetricName") or alarm.get("ComparisonOperator") not in _COMPARISONS:
        return  # metric math and anomaly detection
    values = _datapoints(alarm, time.time())
    state = _state(alarm, values)
    if state != alarm["StateValue"]:
        _change(alarm, state, _reason(alarm, state, values))


def _datapoints(alarm: Alarm, now: float) -> list[float | None]:
    """The statistic of each evaluation period, oldest first; None where there are no values.

    The last period is the one that ends now: nobody at a laptop waits for it to be over.
    """
    period, count = alarm.get("Period") or 60, alarm.get("EvaluationPeriods") or 1
    dimensions = {each["Name"]: each["Value"] for each in alarm.get("Dimensions") or ()}
    key = (alarm["Namespace"], alarm["MetricName"], cloudwatch._dims_key(dimensions))  # noqa: SLF001
    points = cloudwatch._metrics.get(key) or []  # noqa: SLF001
    windows: list[list[Any]] = [[] for _ in range(count)]
    for point in points:
        # A point counts for the whole second that it is of.
        age = max(0.0, now - point["Timestamp"] - 1)
        if age < period * count and alarm.get("Unit") in {None, point["Unit"]}:
            windows[count - 1 - int(age // period)].append(point)
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    return [_statistic(statistic, window) for window in windows]


def _statistic(name: str, points: Sequence[Any]) -> float | None:
    stats = cloudwatch._calc_stats(points)  # noqa: SLF001
    value = cloudwatch._stat_value(stats, name, points) if stats else None  # noqa: SLF001
    return None if value is None else float(value)


def _state(alarm: Alarm, values: Sequence[float | None]) -> str:
    compare, _ = _COMPARISONS[alarm["ComparisonOperator"]]
    missing = {"breaching": True, "notBreaching": False}.get(alarm.get("TreatMissingData") or "missing")
    verdicts = [missing if value is None else compare(value, alarm["Threshold"]) for value in values]
    if verdicts.count(True) >= (alarm.get("DatapointsToAlarm") or len(values)):
        return "ALARM"
    if any(verdict is not None for verdict in verdicts):
        return "OK"
    return str(alarm["StateValue"]) if alarm.get("TreatMissingData") == "ignore" else "INSUFFICIENT_DATA"


def _reason(alarm: Alarm, state: str, values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if state == "INSUFFICIENT_DATA":
        return f"Insufficient Data: {len(values)} datapoints were unknown."
    words = _COMPARISONS[alarm["ComparisonOperator"]][1]
    verb = "were" if state == "ALARM" else "were not all"
    listed = ", ".join(str(value) for value in known)
    return f"Threshold Crossed: {len(known)} datapoints [{listed}] {verb} {words} the threshold ({alarm['Threshold']})."


def _change(alarm: Alarm, state: str, reason: str) -> None:
    before = alarm["StateValue"]
    alarm |= {"StateValue": state, "StateReason": reason, "StateUpdatedTimestamp": int(time.time())}
    cloudwatch._record_history(alarm["AlarmName"], before, state, reason)  # noqa: SLF001
    cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)  # noqa: SLF001
    cloudwatch._evaluate_parent_alarms(alarm)  # noqa: SLF001
