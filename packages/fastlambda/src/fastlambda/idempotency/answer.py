"""An HTTP answer as a record keeps it: status, headers and body."""

from __future__ import annotations

import base64
import logging
from collections.abc import Mapping
from typing import Any

from fastapi import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

_LARGEST_BODY = 256 * 1024
"""Bytes. An item has 400 KB at most (Amazon DynamoDB Developer Guide, "Quotas"), and base64 makes four of three."""

_log = logging.getLogger(__name__)


async def complete(response: Response, request: Request) -> Response:
    """Return an answer whose body is there: what a stream or a file says is read to its end."""
    if hasattr(response, "body"):
        return response
    background, response.background = response.background, None
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await response(request.scope, request.receive, send)
    body = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
    whole = Response(body, sent[0]["status"], background=background)
    whole.raw_headers = list(sent[0]["headers"])
    return whole


def to_record(answer: Response) -> dict[str, Any]:
    """Return what is kept of an answer; a body that does not fit into a record is not."""
    body = bytes(answer.body)
    if len(body) > _LARGEST_BODY:
        _log.warning("An answer of %s bytes is too large to be kept: it can be given only once", len(body))
    return {
        "status": answer.status_code,
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in answer.raw_headers],
        "body": base64.b64encode(body).decode() if len(body) <= _LARGEST_BODY else None,
    }


def from_record(kept: Mapping[str, Any]) -> Response:
    """Return the answer that was kept.

    Raises:
        HTTPException: 409, its body was too large.

    """
    if kept["body"] is None:
        raise HTTPException(409, "This was done before, and its answer was too large to be kept")
    answer = Response(base64.b64decode(kept["body"]), kept["status"])
    answer.raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in kept["headers"]]
    answer.headers["idempotent-replayed"] = "true"
    return answer
