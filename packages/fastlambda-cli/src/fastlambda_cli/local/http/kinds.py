"""What differs between the two doors to a function: an HTTP API and a function URL."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fastlambda_cli.local.http.payload import new_request_id
from fastlambda_cli.local.http.response import JSON, Answer, message

MAX_HEAD_BYTES = 10_240
"""Request line and headers together (API Gateway developer guide, "Quotas for HTTP APIs")."""

MAX_BODY_BYTES = 10 * 1024 * 1024
"""The body of a request (API Gateway developer guide, "Quotas for HTTP APIs")."""

MAX_EVENT_BYTES = 6 * 1024 * 1024
"""The event of a synchronous invocation (Lambda developer guide, "Lambda quotas")."""


class OwnAnswer(Protocol):
    """Makes an answer that the function has no part in; `error` is for the log."""

    def __call__(self, status: int, text: str, *, error: str) -> Answer:
        """Make it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of door.

    Attributes:
        request_id_header: The header of every answer that names the request.
        new_id: Makes a request's id.
        invocation_id: Whether a request's id is also Lambda's id of the invocation.
        max_head_bytes: Of the request line and the headers together, where there is a limit.
        max_body_bytes: Of a request's body.
        own: Makes answers that the function has no part in.
        failed: The status of a function's failure, and what the client is told.
        throttled: The same where the function is throttled.

    """

    request_id_header: str
    new_id: Callable[[], str]
    invocation_id: bool
    max_head_bytes: int | None
    max_body_bytes: int
    own: OwnAnswer
    failed: Callable[[str], Answer]
    throttled: Callable[[str], Answer]


HTTP_API = Kind(
    request_id_header="apigw-requestid",
    new_id=new_request_id,
    invocation_id=False,
    max_head_bytes=MAX_HEAD_BYTES,
    max_body_bytes=MAX_BODY_BYTES,
    own=message,
    failed=lambda error: message(500, "Internal Server Error", error=error),
    # No recording of this one is known; 503 is what an HTTP API says when it cannot reach a function.
    throttled=lambda error: message(503, "Service Unavailable", error=error),
)


def url_message(status: int, text: str | None, *, error: str) -> Answer:
    """Make one of a function URL's own answers, `{"Message": text}`; `error` is for the log."""
    body = json.dumps({"Message": text}, separators=(",", ":")).encode()
    return Answer(status, (("content-type", JSON),), body, error)


FUNCTION_URL = Kind(
    request_id_header="x-amzn-requestid",
    new_id=lambda: str(uuid.uuid4()),
    invocation_id=True,
    max_head_bytes=None,
    max_body_bytes=MAX_EVENT_BYTES,
    own=url_message,
    # LocalStack's AWS-validated `test_lambda_url_invocation_exception`: no JSON, whatever the content type says.
    failed=lambda error: Answer(502, (("content-type", JSON),), b"Internal Server Error", error),
    throttled=lambda error: url_message(429, "Rate Exceeded.", error=error),
)
