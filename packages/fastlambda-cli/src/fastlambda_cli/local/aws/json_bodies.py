"""Bodies of AWS's JSON protocols, read whole and written whole."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from fastlambda_cli.local.aws.proxy import ClientGoneError
from fastlambda_cli.local.serve import Message, Receive, Send


async def read_body(receive: Receive) -> bytes:
    """Read a request's body to its end.

    Raises:
        ClientGoneError: The client hung up first.

    """
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


async def answer_json(
    send: Send, answer: Mapping[str, Any], *, status: int = 200, error: str | None = None, version: str = "1.1"
) -> None:
    """Answer an operation of a JSON protocol.

    Args:
        send: The answer's way out.
        answer: The operation's output, or the error's members.
        status: The HTTP status.
        error: The error's code, for `x-amzn-ErrorType`.
        version: The protocol's version, for the content type.

    """
    body = json.dumps(answer).encode()
    headers = [
        (b"content-type", b"application/x-amz-json-" + version.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"x-amzn-requestid", str(uuid.uuid4()).encode()),
    ]
    if error is not None:
        headers.append((b"x-amzn-errortype", error.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def replayed(body: bytes, receive: Receive) -> Receive:
    """Have a body that was read to its end received once more, and after it whatever comes next."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
