"""Answers an HTTP API with the JSON of its request's x-answer header, or shows the event; fails when asked to."""

import json
import time


def handler(event, _context):
    answer = {name.lower(): value for name, value in event["headers"].items()}.get("x-answer")
    if answer == "raise":
        raise LookupError("no such book")
    if answer == "sleep":
        time.sleep(1)
        return "rested"
    if answer is not None:
        return json.loads(answer)
    return {"statusCode": 200, "headers": {"access-control-allow-origin": "the function"}, "body": json.dumps(event)}
