"""A service of two functions without packages: the engine reads what its consumers are, and nobody imports them."""

from __future__ import annotations

from pathlib import Path

_CONSUMERS = """
from fastlambda import EventRouter

events = EventRouter()


@events.sqs("imports", max_receive_count=5{worker})
async def take(book): ...


@events.sqs("stock")
async def count(stock): ...
"""

_HANDLER = """
import json, os, pathlib, time

if "READ" in os.environ:  # read by the engine; what runs here has no packages
    from fastlambda import FastLambda
    from consumers import events
    FastLambda(print, events=events)

NAME = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
VERSION = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
{body}

def handler(event, context):
    if "rawPath" in event:
        return {{"statusCode": 200, "body": f"{text} of {{NAME}}:{{VERSION}}"}}
    for record in event["Records"]:
        hold = json.loads(record["body"]).get("hold")
        if hold:
            pathlib.Path(hold, f"begun-{{NAME}}").touch()
        while hold and not pathlib.Path(hold, "over").exists():
            time.sleep(0.01)
        print(json.dumps({{"taken": record["body"], "by": f"{{NAME}}:{{VERSION}}"}}))
    return {{"batchItemFailures": []}}
"""


def declare(folder: Path, worker: str = ', function="worker"') -> None:
    """Declare a consumer of the queue `imports`, the worker's unless other arguments are given, and one of `stock`."""
    (folder / "consumers.py").write_text(_CONSUMERS.format(worker=worker), encoding="utf-8")


def handler(text: str, body: str = "") -> str:
    """A handler that answers HTTP with the text and its name, and writes down by which name a message was taken.

    A message with a folder as `hold` makes a file `begun-NAME` in it, of the function that has it, and is not handled
    before there is a file `over`.
    """
    return _HANDLER.format(text=text, body=body)
