"""What declaring consumers costs a function that has none, and one that has."""

from __future__ import annotations

import subprocess
import sys

import pytest

BOTH = "import fastapi\nfrom fastlambda import FastLambda\n"
DECLARED = f"{BOTH}from fastlambda import EventRouter\nevents = EventRouter()\n"
BUILT = "with FastLambda(fastapi.FastAPI(), events=events):\n    pass"


def loaded(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        env={"POWERTOOLS_TRACE_DISABLED": "true", "LAMBDA_TASK_ROOT": "/var/task", "AWS_REGION": "us-east-1"},
    )
    return set(done.stdout.split())


def test_a_function_without_consumers_loads_nothing_for_them() -> None:
    names = loaded(f"{BOTH}with FastLambda(fastapi.FastAPI()):\n    pass")
    assert not {name for name in names if name.startswith("fastlambda.events") or name.endswith("utilities.batch")}


@pytest.mark.parametrize("code", [DECLARED, f"{DECLARED}{BUILT}"])
def test_consumers_are_declared_and_delivered_to_without_the_sdk(code) -> None:
    assert not {"boto3", "botocore.session", "urllib3"} & loaded(code)


def test_a_function_without_a_queue_does_not_load_powertools_batch() -> None:
    scheduled = "@events.schedule('rate(1 hour)')\nasync def hourly() -> None: ...\n"
    names = loaded(f"{DECLARED}{scheduled}{BUILT}")
    assert "aws_lambda_powertools.utilities.batch" not in names


def test_a_function_with_a_queue_has_loaded_powertools_batch_by_the_end_of_init() -> None:
    queue = "@events.sqs('books')\nasync def books(text: str) -> None: ...\n"
    names = loaded(f"{DECLARED}{queue}{BUILT}")
    assert "aws_lambda_powertools.utilities.batch" in names
