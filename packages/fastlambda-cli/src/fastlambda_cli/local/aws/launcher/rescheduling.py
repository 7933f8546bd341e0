"""Schedules and rules that somebody makes again or changes: ministack goes on from when one of the name fired last.

It would never fire an `at()` that was moved or made again, and at once a `cron()` for a time before it said so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from ministack.services import eventbridge, scheduler  # type: ignore[import-not-found,unused-ignore]


def count_anew() -> None:
    """Have schedules, and rules with one, count from when they were made, changed or enabled."""
    scheduler._tick_schedules = _looking_first(  # noqa: SLF001
        scheduler._tick_schedules,  # noqa: SLF001
        scheduler._schedules._data,  # noqa: SLF001
        scheduler._schedule_last_fired,  # noqa: SLF001
    )
    eventbridge._tick_scheduled_rules = _looking_first(  # noqa: SLF001
        eventbridge._tick_scheduled_rules,  # noqa: SLF001
        eventbridge._rules._data,  # noqa: SLF001
        eventbridge._rule_last_fired,  # noqa: SLF001
    )


def _looking_first(
    tick: Callable[[], None], data: Mapping[Any, Mapping[str, Any]], last_fired: MutableMapping[Any, float]
) -> Callable[[], None]:
    known: dict[Any, tuple[Any, ...]] = {}

    def ticked() -> None:
        schedules = dict(data)
        for key in known.keys() - schedules.keys():
            del known[key]
            last_fired.pop(key, None)
        for key, schedule in schedules.items():
            fires_by = _fires_by(schedule)
            if known.setdefault(key, fires_by) == fires_by:
                continue
            known[key] = fires_by
            last_fired.pop(key, None)
            if str(fires_by[0]).startswith("rate("):
                last_fired[key] = time.time()  # without it, from when it was made
        tick()

    return ticked


def _fires_by(schedule: Mapping[str, Any]) -> tuple[Any, ...]:
    expression = schedule.get("ScheduleExpression")
    # What a cron expression missed while it was disabled stays missed.
    state = schedule.get("State") if str(expression).startswith("cron(") else None
    # A rule has a CreationTime, which PutRule sets anew.
    return expression, schedule.get("ScheduleExpressionTimezone"), schedule.get("CreationDate"), state
