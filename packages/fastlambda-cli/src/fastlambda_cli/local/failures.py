"""The error payloads and error types that the platform itself makes up, in AWS's words."""

from __future__ import annotations

import json
import re
from typing import Any

from fastlambda_cli.local.streaming import MAX_STREAMED

MAX_RESPONSE = 6_291_556
"""Bytes of a synchronous answer that still pass (the figure stands in AWS's own error message)."""


def timed_out(request_id: str, seconds: float) -> bytes:
    """The function ran longer than its timeout."""
    return _payload("Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {seconds:.2f} seconds")


def exited(request_id: str, return_code: int) -> bytes:
    """The runtime process ended by itself. A negative code is the signal that ended it."""
    if return_code == 0:
        reason = "Runtime exited without providing a reason"
    elif return_code < 0:
        reason = f"Runtime exited with error: signal: {_signal_text(-return_code)}"
    else:
        reason = f"Runtime exited with error: exit status {return_code}"
    return _payload("Runtime.ExitError", f"RequestId: {request_id} Error: {reason}")


def not_started(reason: str) -> bytes:
    """This machine did not start the runtime's process: no file descriptor or memory is left, or Python is gone."""
    return _payload("Runtime.InvalidEntrypoint", f"The runtime could not be started: {reason}")


def response_too_large() -> bytes:
    """The answer is over the synchronous limit."""
    text = f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE} bytes)."
    return _payload("Function.ResponseSizeTooLarge", text)


def stream_too_large() -> bytes:
    """A streamed answer is over its limit."""
    text = f"Response payload size exceeded maximum allowed payload size ({MAX_STREAMED} bytes)."
    return _payload("Function.ResponseSizeTooLarge", text)


def truncated_response() -> bytes:
    """The runtime hung up in the middle of a streamed answer."""
    return _payload("Runtime.TruncatedResponse", "The runtime closed its connection in the middle of the response.")


def midstream(kind: str, details: str) -> bytes:
    """A runtime said behind its answer that it is not whole; `details` are often an error record themselves."""
    return details.encode() if _record(details.encode()).get("errorType") else _payload(kind, details)


def error_type(payload: bytes) -> str:
    """The errorType of an error payload; the runtime's own word where it sent something else.

    It is the function's word and stands in the platform's log: characters that end a line or a field are spaces.
    """
    kind = _record(payload).get("errorType")
    if not isinstance(kind, str) or not kind:
        return "Runtime.Unknown"
    return "".join(character if character.isprintable() else " " for character in kind)


def error_message(payload: bytes) -> str:
    """The errorMessage of an error payload; empty when it has none."""
    return str(_record(payload).get("errorMessage") or "")


def summary(payload: bytes) -> str:
    """The error on one line: its type, and its message without the request id that Lambda puts before it."""
    message = error_message(payload).splitlines()
    text = re.sub(r"^RequestId: \S* Error: ", "", message[0]) if message else ""
    return f"{error_type(payload)}: {text}" if text else error_type(payload)


def _record(payload: bytes) -> dict[str, Any]:
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _payload(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}, separators=(",", ":")).encode()


def _signal_text(number: int) -> str:
    names = {6: "aborted", 9: "killed", 11: "segmentation fault", 15: "terminated"}
    return names.get(number, f"signal {number}")
