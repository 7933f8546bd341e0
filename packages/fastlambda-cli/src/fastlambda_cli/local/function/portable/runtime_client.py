"""awslambdaric's native module `runtime_client`, in Python, for systems where awslambdaric is built without it.

awslambdaric compiles its HTTP client for Linux alone (on macOS its build leaves it out), and everything else of it is
Python. This module has the four functions that awslambdaric 4 calls, and is put on the function's path only where the
native one is missing. It runs inside the function: standard library only, and nothing of FastLambda's.
"""

from __future__ import annotations

import http.client
import os

_API = "/2018-06-01/runtime"
_HEADERS = (
    "Lambda-Runtime-Aws-Request-Id",
    "Lambda-Runtime-Trace-Id",
    "Lambda-Runtime-Invoked-Function-Arn",
    "Lambda-Runtime-Deadline-Ms",
    "Lambda-Runtime-Client-Context",
    "Lambda-Runtime-Cognito-Identity",
    "Lambda-Runtime-Aws-Tenant-Id",
    "Lambda-Runtime-Invocation-Id",
    "Content-Type",
)
_HTTP_OK = 200
_HTTP_ACCEPTED = 202

_connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
_user_agent = ""


def initialize_client(user_agent: str) -> None:
    """Remember what the client calls itself."""
    global _user_agent  # noqa: PLW0603 - the native module keeps it in a global as well
    _user_agent = user_agent


def next() -> tuple[bytes, dict[str, str | None]]:  # noqa: A001 - awslambdaric's name
    """Wait for the next event; return its payload and its headers, None for those it does not have.

    Raises:
        RuntimeError: The Runtime API answered anything but 200.

    """
    status, headers, body = _call("GET", "/invocation/next", b"", {})
    if status != _HTTP_OK:
        raise RuntimeError(f"Failed to get next: {status} {body.decode(errors='replace')}")
    return body, {name: headers.get(name) for name in _HEADERS}


def post_invocation_result(invoke_id: str, result: bytes, content_type: str, invocation_id: str | None = None) -> None:
    """Post the handler's answer.

    Raises:
        RuntimeError: The Runtime API did not accept it, as with an answer that is too large.

    """
    _post(f"/invocation/{invoke_id}/response", result, {"Content-Type": content_type}, invocation_id)


def post_error(invoke_id: str, error: str, xray_fault: str, invocation_id: str | None = None) -> None:
    """Post the handler's error, as JSON, and its description for X-Ray.

    Raises:
        RuntimeError: The Runtime API did not accept it.

    """
    headers = {"Content-Type": "application/json"}
    if xray_fault:
        headers["Lambda-Runtime-Function-XRay-Error-Cause"] = xray_fault
    _post(f"/invocation/{invoke_id}/error", error.encode(), headers, invocation_id)


def _post(path: str, body: bytes, headers: dict[str, str], invocation_id: str | None) -> None:
    if invocation_id is not None:
        headers["Lambda-Runtime-Invocation-Id"] = invocation_id
    status, _, answer = _call("POST", path, body, headers)
    if status != _HTTP_ACCEPTED:
        raise RuntimeError(f"Failed to post invocation response: {status} {answer.decode(errors='replace')}")


def _call(method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, http.client.HTTPMessage, bytes]:
    _connection.request(method, _API + path, body or None, {"User-Agent": _user_agent, **headers})
    answer = _connection.getresponse()
    return answer.status, answer.headers, answer.read()
