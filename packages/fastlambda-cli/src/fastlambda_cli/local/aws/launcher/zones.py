"""Schedules in time zones: ministack takes `ScheduleExpressionTimezone` and fires in UTC, and stacks do not set it.

EventBridge Scheduler User Guide, "Schedule types in EventBridge Scheduler": what falls on a time that the clocks leave
out is skipped, and what falls on a time that comes twice is done once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from ministack.services import eventbridge, scheduler  # type: ignore[import-not-found,unused-ignore]
from needed import after_provisioned  # type: ignore[import-not-found,unused-ignore]

_UTC = "UTC"
_FORGOTTEN = {"ScheduleExpressionTimezone": _UTC, "StartDate": None, "EndDate": None, "KmsKeyArn": None}
"""What ministack's CloudFormation leaves out of a schedule, and what it is where a template does not say."""


class Zoned(str):
    """A schedule's expression that knows its time zone; as a string, and so in the state, it is what it was."""

    __slots__ = ("name", "zone")

    name: str
    zone: ZoneInfo


class _Fields(tuple[Any, ...]):  # noqa: SLOT001 - tuples cannot have any
    """What ministack reads of a cron expression, with the time zone."""

    zone: ZoneInfo


def follow_zones(tell: Callable[[str], None]) -> None:
    """Have schedules fire in their time zones; `tell` takes a line, once, where this machine does not know one."""
    tick = scheduler._tick_schedules  # noqa: SLF001
    told: set[str] = set()

    def tell_once(line: str) -> None:
        if line not in told:
            told.add(line)
            tell(line)

    def ticked() -> None:
        for schedule in list(scheduler._schedules._data.values()):  # noqa: SLF001
            _in_its_zone(schedule, tell_once)
        tick()

    scheduler._tick_schedules = ticked  # noqa: SLF001
    scheduler._at_time_epoch = _at(scheduler._at_time_epoch)  # noqa: SLF001
    eventbridge._parse_cron_fields = _fields(eventbridge._parse_cron_fields)  # noqa: SLF001
    eventbridge._cron_next_fire = _following(eventbridge._cron_next_fire)  # noqa: SLF001
    after_provisioned("AWS::Scheduler::Schedule", _keep_of_stacks)


def _keep_of_stacks(name: str, properties: Mapping[str, Any]) -> None:
    schedule = scheduler._schedules.get(f"{properties.get('GroupName') or 'default'}/{name}")  # noqa: SLF001
    if schedule is not None:
        schedule.update({each: properties.get(each, otherwise) for each, otherwise in _FORGOTTEN.items()})


def _at(epoch_of: Callable[[str], float | None]) -> Callable[[str], float | None]:
    def in_zone(expression: str) -> float | None:
        found = epoch_of(expression)
        if found is None or not isinstance(expression, Zoned):
            return found
        return datetime.fromtimestamp(found, UTC).replace(tzinfo=expression.zone).timestamp()

    return in_zone


def _fields(read: Callable[[str], Any]) -> Callable[[str], Any]:
    def in_zone(expression: str) -> Any:
        found = read(expression)
        if found is None or not isinstance(expression, Zoned):
            return found
        zoned = _Fields(found)
        zoned.zone = expression.zone
        return zoned

    return in_zone


def _following(following: Callable[[Any, datetime], datetime | None]) -> Callable[[Any, datetime], datetime | None]:
    def in_zone(fields: Any, after: datetime) -> datetime | None:
        if not isinstance(fields, _Fields):
            return following(fields, after)
        wall: datetime | None = after.astimezone(fields.zone)
        while wall is not None and (wall := following(fields, wall.replace(tzinfo=UTC))) is not None:
            fires = wall.replace(tzinfo=fields.zone).astimezone(UTC)
            if fires > after and fires.astimezone(fields.zone).replace(tzinfo=UTC) == wall:
                return fires
        return None

    return in_zone


def _in_its_zone(schedule: MutableMapping[str, Any], tell: Callable[[str], None]) -> None:
    expression = schedule.get("ScheduleExpression", "")
    # Whatever a request had: what fails here would keep every schedule from firing.
    name = str(schedule.get("ScheduleExpressionTimezone") or _UTC)
    before = expression.name if isinstance(expression, Zoned) else _UTC
    if name == before:
        return
    zoned = Zoned(expression)
    zoned.name, zoned.zone = name, _zone(schedule, name, tell)
    schedule["ScheduleExpression"] = zoned


def _zone(schedule: Mapping[str, Any], name: str, tell: Callable[[str], None]) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # of a folder of zones, with the package tzdata
        why = f"this machine does not know the time zone {name}"
        tell(f"The schedule {schedule.get('Name')} fires in UTC: {why}. Install its time zone database (tzdata).")
        return ZoneInfo(_UTC)
