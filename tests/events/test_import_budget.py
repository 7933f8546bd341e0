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


@pytest.mark.slow
@pytest.mark.parametrize("code", [DECLARED, f"{DECLARED}{BUILT}"])
def test_consumers_are_declared_and_delivered_to_without_the_sdk(code) -> None:
    assert not {"boto3", "botocore.session", "urllib3"} & loaded(code)


def test_powertools_batch_is_loaded_for_the_first_batch_and_not_in_init() -> None:
    consumed = f"{DECLARED}@events.sqs('books')\nasync def books(text: str) -> None: ...\n"
    batch = "aws_lambda_powertools.utilities.batch"
    delivered = f"""
import sys
from types import SimpleNamespace
record = {{"messageId": "1", "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:books"}}
context = SimpleNamespace(function_name="f", memory_limit_in_mb=1, invoked_function_arn="arn", aws_request_id="1")
with FastLambda(fastapi.FastAPI(), events=events) as handler:
    assert "{batch}" not in sys.modules
    body = {{"body": "Emma", "attributes": {{"ApproximateReceiveCount": "1"}}, "messageAttributes": {{}}}}
    assert handler({{"Records": [record | body]}}, context) == {{"batchItemFailures": []}}
"""
    assert batch in loaded(consumed + delivered)
