"""What cannot be idempotent is refused where it is declared, and what needs a table in INIT."""

from __future__ import annotations

import subprocess
import sys

import pytest
from fastapi import APIRouter

from fastlambda import EventDeclarationError, EventRouter, IdempotentRoute
from fastlambda.events import SqsMessage

DECLARED = """
import fastapi, sys
from fastlambda import EventRouter, FastLambda
events = EventRouter()

@events.sqs("orders", idempotent="order_id")
async def order(order: dict) -> None: ...

with FastLambda(fastapi.FastAPI(), events=events) as handler:
    print("boto3" in sys.modules)
"""


def of_a_text(text: str) -> None: ...


def of_a_message(order: dict, message: SqsMessage) -> None: ...


@pytest.mark.parametrize(
    ("consumer", "key", "said"),
    [
        (of_a_text, "id", "there is no JSON in which 'id' could be. Give it a function of the message."),
        (of_a_message, "order..id", "'order..id' is no JMESPath expression"),
        (of_a_message, lambda oder: oder["id"], "its function takes 'oder'. Take any of the consumer's own: order, "),
    ],
    ids=["a path into a text", "no expression", "another parameter"],
)
def test_a_key_that_no_message_could_have_is_refused(consumer, key, said):
    with pytest.raises(EventDeclarationError) as refused:
        EventRouter().sqs("orders", idempotent=key)(consumer)
    assert said in str(refused.value)


def test_a_schedule_has_no_json():
    def hourly() -> None: ...

    with pytest.raises(EventDeclarationError, match="there is no JSON"):
        EventRouter().schedule("rate(1 hour)", idempotent="time")(hourly)


def test_a_stream_of_a_generator_has_no_end_to_be_kept():
    router = APIRouter(route_class=IdempotentRoute)

    async def lines():
        yield "line"

    with pytest.raises(EventDeclarationError, match="it is a generator"):
        router.post("/lines")(lines)


def started(**variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"POWERTOOLS_TRACE_DISABLED": "true", "LAMBDA_TASK_ROOT": "/var/task", "AWS_REGION": "us-east-1"}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", DECLARED],
        capture_output=True,
        text=True,
        check=False,
        env=environment | variables,
    )


def test_on_lambda_a_missing_table_fails_init():
    done = started(AWS_LAMBDA_RUNTIME_API="127.0.0.1:9001")
    said = (
        "SettingsError: FASTLAMBDA_IDEMPOTENCY_TABLE is not set: sqs:orders is idempotent, and its records need a table"
    )
    assert done.stderr.splitlines()[-1].startswith(f"fastlambda.errors.{said}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "loaded"),
    [
        ({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "FASTLAMBDA_IDEMPOTENCY_TABLE": "table"}, True),
        ({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "POWERTOOLS_IDEMPOTENCY_DISABLED": "true"}, False),
        ({}, False),
    ],
    ids=["on Lambda", "where it is switched off", "in a test"],
)
def test_the_sdk_is_loaded_in_init_and_only_for_a_table(variables, loaded):
    done = started(**variables)
    assert done.stdout.splitlines()[-1:] == [str(loaded)], done.stderr
    assert ("nothing is idempotent" in done.stdout) == ("POWERTOOLS_IDEMPOTENCY_DISABLED" in variables)
