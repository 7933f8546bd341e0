"""The two segments that Lambda itself sends for an invocation of a function with active tracing.

AWS Lambda Developer Guide, "Visualize Lambda function invocations using AWS X-Ray": the service's own segment, and
below it the function's, with `Init` when the invocation met a cold start. What the function's SDK sends hangs below
the function's segment directly. The fields are those of the AWS X-Ray Developer Guide, "Getting data from X-Ray".
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

from fastlambda_cli.local.model import ACCOUNT_ID, InvocationTraced

SERVICE = "AWS::Lambda"
FUNCTION = "AWS::Lambda::Function"

_FRAME = re.compile(r'\s*File "(?P<path>[^"]*)", line (?P<line>\d+), in (?P<label>\S+)')


def lambda_segments(
    traced: InvocationTraced, init: tuple[float, float] | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the documents of the service and of the function.

    Args:
        traced: The invocation.
        init: When the environment's INIT began and ended, in seconds of the epoch; None unless it was a cold start.

    """
    name = traced.function_arn.rpartition(":")[2]
    common = {"trace_id": traced.trace.root, "name": name, "end_time": traced.ended_at}
    service: dict[str, Any] = common | {
        "id": secrets.token_hex(8),
        "origin": SERVICE,
        "start_time": traced.accepted_at,
        "http": {"response": {"status": 200}},
        "aws": {"request_id": traced.request_id},
        "resource_arn": traced.invoked_arn,
    }
    if traced.trace.parent is not None:
        service["parent_id"] = traced.trace.parent
    function: dict[str, Any] = common | {
        "id": traced.trace.segment,
        "parent_id": service["id"],
        "origin": FUNCTION,
        "start_time": traced.began_at,
        "aws": {"account_id": ACCOUNT_ID, "function_arn": traced.function_arn},
    }
    if init is not None:
        began, ended = init
        if ended > traced.accepted_at:  # the event waited for it: an INIT ahead of every event is nobody's time
            function["start_time"] = max(began, traced.accepted_at)
        function["subsegments"] = [
            {"id": secrets.token_hex(8), "name": "Init", "start_time": began, "end_time": ended},
        ]
    if traced.error is not None:
        function |= {"fault": True, "cause": {"exceptions": [_exception(traced.error)]}}
    return service, function


def _exception(error: Mapping[str, Any]) -> dict[str, Any]:
    frames = [_FRAME.match(str(line)) for line in error.get("stackTrace") or ()]
    return {
        "id": secrets.token_hex(8),
        "type": error.get("errorType", ""),
        "message": error.get("errorMessage", ""),
        "stack": [
            {"path": frame["path"], "line": int(frame["line"]), "label": frame["label"]}
            for frame in reversed(frames)
            if frame is not None
        ],
    }
