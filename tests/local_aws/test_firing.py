"""What a schedule does is saved like what a request does: soon, and not when the emulator happens to look next."""

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
