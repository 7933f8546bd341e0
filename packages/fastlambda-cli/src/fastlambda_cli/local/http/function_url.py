"""What a function URL sends to its function, and what it makes of the answer.

It is payload format 2.0 (Lambda developer guide, "Invoking Lambda function URLs") with two differences: the account of
nobody is `anonymous`, and an inferred body that is no text is JSON without spaces (recorded at function URLs by
LocalStack, in the AWS-validated snapshots of `test_lambda_url_invocation`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastlambda_cli.local.http import payload
from fastlambda_cli.local.http.formats import Payloads
from fastlambda_cli.local.http.payload import Gateway, Match, Received
from fastlambda_cli.local.http.response import JSON, Answer, convert


def event(
    given: Received, *, gateway: Gateway, match: Match | None = None, authorizer: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Build the event; `authorizer` is None when anybody may invoke."""
    made = payload.event(given, gateway=gateway, match=match, authorizer=authorizer)
    if authorizer is None:
        made["requestContext"]["accountId"] = "anonymous"
    return made


def _convert(returned: bytes) -> Answer:
    try:
        value = json.loads(returned)
    except ValueError:
        return convert(returned)
    return convert(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


PAYLOADS = Payloads(event, _convert)


def _uninterpreted(returned: bytes) -> Answer:
    """What a function returned whose runtime does not stream is the body as it is, where the URL streams."""
    return Answer(200, (("content-type", JSON),), returned)


STREAMED = Payloads(event, _uninterpreted)
"""Those of a URL in `RESPONSE_STREAM` mode."""
