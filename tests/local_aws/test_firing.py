"""When schedules fire, and that what they do is saved like what a request does: soon."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

import fastlambda_cli.local.aws
from fastlambda_cli.local.aws.toolchain import emulator_python

LAUNCHER = Path(fastlambda_cli.local.aws.__file__).parent / "launcher"

TICK = """
import json, sys
sys.path.insert(0, sys.argv[1])
from firing import after_targets
from ministack.services import eventbridge, scheduler

fired = []
after_targets(lambda: fired.append("changed"))
scheduler._create_schedule("once", json.loads(sys.argv[2]))
scheduler._tick_schedules()
scheduler._tick_schedules()
print(json.dumps(fired))
"""


ZONES = """
import json, sys
sys.path.insert(0, sys.argv[1])
from datetime import UTC, datetime
from ministack.services import eventbridge, scheduler
from zones import follow_zones

told = []
follow_zones(told.append)
expression, zone, after = json.loads(sys.argv[2])
scheduler._schedules["default/one"] = schedule = {
    "Name": "one", "ScheduleExpression": expression, "ScheduleExpressionTimezone": zone, "State": "ENABLED"
}
scheduler._tick_schedules()
schedule["ScheduleExpression"] = expression  # as a stack does that is updated
scheduler._tick_schedules()
known = schedule["ScheduleExpression"]
if (at := scheduler._at_time_epoch(known)) is not None:
    fires = datetime.fromtimestamp(at, UTC)
else:
    fires = eventbridge._cron_next_fire(eventbridge._parse_cron_fields(known), datetime.fromisoformat(after + "Z"))
print(json.dumps([f"{fires:%Y-%m-%dT%H:%M}", json.loads(json.dumps(schedule)), told]))
"""


CHANGED = """
import json, sys
sys.path.insert(0, sys.argv[1])
from datetime import UTC, datetime, timedelta
from ministack.services import eventbridge, scheduler
from rescheduling import count_anew

fired = []
eventbridge._invoke_target = lambda target, event, schedule, *rest: fired.append(schedule["Name"])
count_anew()
rest = {"FlexibleTimeWindow": {"Mode": "OFF"}, "Target": {"Arn": "target", "RoleArn": "role"}}

def ago(form, **time):
    return f"{datetime.now(UTC) - timedelta(**time):{form}}"

def fires(change, name, *body):
    change(name, *[{**rest, **each} for each in body])
    fired.clear()
    scheduler._tick_schedules()
    return fired.count(name)

def an_hour_later():
    for last_fired in (scheduler._schedule_last_fired, eventbridge._rule_last_fired):
        last_fired.update({key: at - 3600 for key, at in last_fired.items()})

past = [ago("at(%Y-%m-%dT%H:%M:%S)", seconds=seconds) for seconds in (1, 2, 3)]
missed = {"ScheduleExpression": ago("cron(%M %H * * ? *)", minutes=10)}
create, update, delete = scheduler._create_schedule, scheduler._update_schedule, scheduler._delete_schedule
answers = {
    "made": fires(create, "at", {"ScheduleExpression": past[0]}),
    "described": fires(update, "at", {"ScheduleExpression": past[0], "Description": "other"}),
    "moved": fires(update, "at", {"ScheduleExpression": past[1]}),
    "gone": fires(delete, "at", {}),
    "made again": fires(create, "at", {"ScheduleExpression": past[1]}),
    "replaced": delete("at", {}) and fires(create, "at", {"ScheduleExpression": past[1]}),
    "yearly": fires(create, "cron", {"ScheduleExpression": "cron(0 0 1 1 ? 2199)"}),
}
an_hour_later()
answers["cron, missed before it said so"] = fires(update, "cron", missed)
fires(update, "cron", {**missed, "State": "DISABLED"})
an_hour_later()
answers["cron, missed while disabled"] = fires(update, "cron", missed)
an_hour_later()
answers["cron, missed"] = fires(lambda name: None, "cron")
fires(create, "rate", {"ScheduleExpression": "rate(1 day)"})
an_hour_later()
answers["rate, counted from its change"] = fires(update, "rate", {"ScheduleExpression": "rate(30 minutes)"})
def rule(name, **changed):
    eventbridge._put_rule({"Name": name, **missed, **changed})
    eventbridge._put_targets({"Rule": name, "Targets": [{"Id": "1", "Arn": "arn:aws:sqs:us-east-1:000000000000:any"}]})
    fired.clear()
    eventbridge._tick_scheduled_rules()
    return fired.count(name)

eventbridge._ensure_default_bus()
rule("rule", ScheduleExpression="cron(0 0 1 1 ? 2199)")
an_hour_later()
answers["rule, missed before it said so"] = rule("rule")
rule("rule", State="DISABLED")
an_hour_later()
answers["rule, missed while disabled"] = rule("rule", State="ENABLED")
an_hour_later()
answers["rule, missed"] = rule("rule")
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def python():
    return asyncio.run(emulator_python(lambda _: None))


@pytest.mark.parametrize(
    ("at", "changes"), [("2020-01-01T00:00:00", ["changed"]), ("2999-01-01T00:00:00", [])], ids=["due", "not due"]
)
def test_a_schedule_that_fires_is_a_change_whether_or_not_its_target_is_there(python, at, changes):
    schedule = {
        "ScheduleExpression": f"at({at})",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": "arn:aws:sqs:us-east-1:000000000000:nowhere",
            "RoleArn": "arn:aws:iam::000000000000:role/any",
        },
    }

    done = subprocess.run(
        [python, "-I", "-c", TICK, LAUNCHER, json.dumps(schedule)], capture_output=True, text=True, check=True
    )

    assert json.loads(done.stdout) == changes


def fires(python, expression, zone, after):
    arguments = [python, "-I", "-c", ZONES, LAUNCHER, json.dumps([expression, zone, after])]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    at, schedule, told = json.loads(done.stdout)
    assert schedule["ScheduleExpression"] == expression
    return at, told


@pytest.mark.parametrize(
    ("expression", "zone", "after", "at"),
    [
        ("at(2999-07-01T09:00:00)", "Europe/Berlin", "2026-07-01T00:00", "2999-07-01T07:00"),
        ("cron(0 9 * * ? *)", "UTC", "2026-07-01T08:00", "2026-07-01T09:00"),
        ("cron(0 9 * * ? *)", "Europe/Berlin", "2026-07-01T06:00", "2026-07-01T07:00"),
        ("cron(0 9 * * ? *)", "Europe/Berlin", "2026-12-01T07:00", "2026-12-01T08:00"),
        ("cron(0 1 1 * ? *)", "Asia/Tokyo", "2026-06-30T12:00", "2026-06-30T16:00"),
        # The clocks go forward at 2026-03-29T01:00Z: 02:30 is left out.
        ("cron(30 2 * * ? *)", "Europe/Berlin", "2026-03-28T12:00", "2026-03-30T00:30"),
        # They go back at 2026-10-25T01:00Z: 02:30 comes twice.
        ("cron(30 2 * * ? *)", "Europe/Berlin", "2026-10-25T00:30", "2026-10-26T01:30"),
    ],
)
def test_a_schedule_fires_in_its_time_zone(python, expression, zone, after, at):
    assert fires(python, expression, zone, after) == (at, [])


@pytest.mark.parametrize("zone", ["Europe/Atlantis", 5])
def test_a_time_zone_that_this_machine_does_not_know_is_told(python, zone):
    at, (told,) = fires(python, "cron(0 9 * * ? *)", zone, "2026-07-01T06:00")  # once, however often seen

    assert at == "2026-07-01T09:00"
    assert told.startswith(f"The schedule one fires in UTC: this machine does not know the time zone {zone}.")


def test_a_schedule_that_is_made_again_or_changed_counts_anew(python):
    done = subprocess.run([python, "-I", "-c", CHANGED, LAUNCHER], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == {
        "made": 1,
        "described": 0,
        "moved": 1,
        "gone": 0,
        "made again": 1,
        "replaced": 1,
        "yearly": 0,
        "cron, missed before it said so": 0,
        "cron, missed while disabled": 0,
        "cron, missed": 1,
        "rate, counted from its change": 0,
        "rule, missed before it said so": 0,
        "rule, missed while disabled": 0,
        "rule, missed": 1,
    }
