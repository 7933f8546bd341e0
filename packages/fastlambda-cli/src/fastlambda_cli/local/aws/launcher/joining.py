"""Values of AWS's own metrics that are the same, in the same minute, are kept as one.

Lambda's and API Gateway's metrics are of standard resolution, which Amazon CloudWatch keeps by the minute (Amazon
CloudWatch User Guide, "Metrics concepts", "Resolution"). ministack keeps every value of every second for two weeks, as
an object of its own, and writes all of them with each save. Counts, sums, extremes and percentiles of a minute stay
what they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ministack.services import cloudwatch  # type: ignore[import-not-found,unused-ignore]

_OWN = "AWS/"
_MINUTE_S = 60


def join_values() -> None:
    """Have ministack join them as they come."""
    store = cloudwatch._store_datum  # noqa: SLF001

    def stored(  # noqa: PLR0913, PLR0917 - ministack's signature
        namespace: str,
        name: str,
        dims: Any,
        ts: float,
        unit: str,
        value: Any,
        values: Sequence[Any] | None,
        counts: Sequence[Any] | None,
        stat_values: Any,
    ) -> None:
        if values is None or not namespace.startswith(_OWN):
            store(namespace, name, dims, ts, unit, value, values, counts, stat_values)
            return
        points = cloudwatch._metric_bucket((namespace, name, cloudwatch._dims_key(dims)))  # noqa: SLF001
        there = _of_minute(points, ts, unit)
        new: list[tuple[float, float]] = []
        for each, count in zip(values, counts or [1.0] * len(values), strict=False):
            point = there.get(float(each))
            if point is None:
                new.append((float(each), float(count)))
            else:
                point["Count"] += float(count)
                point["Timestamp"] = max(point["Timestamp"], ts)
        if new:
            store(namespace, name, dims, ts, unit, None, [each for each, _ in new], [count for _, count in new], None)

    cloudwatch._store_datum = stored  # noqa: SLF001


def _of_minute(points: Sequence[dict[str, Any]], ts: float, unit: str) -> dict[float, dict[str, Any]]:
    """The newest points, as long as they are of a time's minute, by their values."""
    found: dict[float, dict[str, Any]] = {}
    for point in reversed(points):
        if point["Timestamp"] // _MINUTE_S != ts // _MINUTE_S:
            break
        if "Count" in point and point["Unit"] == unit:
            found[point["Value"]] = point
    return found
