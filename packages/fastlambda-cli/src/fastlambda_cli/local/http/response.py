"""What the function returned, as an HTTP answer.

The rules are those of the API Gateway developer guide, "AWS Lambda proxy integrations for HTTP APIs", section
"Lambda function response for format 2.0", with two refinements recorded at a deployed HTTP API by AWS's own
test tool for .NET: an inferred body keeps the function's bytes as they are, and a `statusCode` that is no
integer is a malformed response.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fastlambda_cli.local.http.payload import HOP_BY_HOP

JSON = "application/json"

WITHOUT_BODY = frozenset({204, 304})
"""Statuses whose answers end after the headers (RFC 9110, section 6.4.1)."""

_DEFAULT_CONTENT_TYPE = "text/plain; charset=utf-8"

_SET_BY_THE_GATEWAY = HOP_BY_HOP | {"content-length", "date", "apigw-requestid"}
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FORBIDDEN_IN_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_STATUSES = range(200, 600)


class MalformedResponseError(Exception):
    """The function returned what no HTTP answer can be made of; its text says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer without the headers the gateway adds to every one.

    Attributes:
        status: The HTTP status, 200 to 599.
        headers: Names in lower case; `set-cookie` may come more than once.
        body: The body's bytes.
        error: Why the gateway answers by itself; None when it is the function's answer.

    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    error: str | None = None

    def with_header(self, name: str, value: str) -> Answer:
        """Return the same answer with one header more."""
        return replace(self, headers=(*self.headers, (name, value)))


def message(status: int, text: str, *, error: str) -> Answer:
    """Make one of the gateway's own answers, `{"message": text}`; `error` is for the log, not for the client."""
    body = json.dumps({"message": text}, separators=(",", ":")).encode()
    return Answer(status, (("content-type", JSON),), body, error)


def convert(payload: bytes) -> Answer:
    """Make an answer of a function's payload.

    Raises:
        MalformedResponseError: It has a `statusCode`, and yet is no response of format 2.0.

    """
    try:
        returned = json.loads(payload)
    except ValueError:  # a custom runtime may return anything, and API Gateway passes it on
        return Answer(200, (("content-type", JSON),), payload)
    if not isinstance(returned, dict) or "statusCode" not in returned:
        body = returned.encode() if isinstance(returned, str) else payload
        return Answer(200, (("content-type", JSON),), body)
    headers = [*_headers(returned), *_cookies(returned)]
    return _formatted(returned, headers)


def convert_v1(payload: bytes) -> Answer:
    """Make an answer of a function's payload in format 1.0, of which nothing is inferred.

    Raises:
        MalformedResponseError: It is no response of format 1.0.

    """
    try:
        returned = json.loads(payload)
    except ValueError as problem:
        raise MalformedResponseError("it is no JSON") from problem
    if not isinstance(returned, dict) or "statusCode" not in returned:
        raise MalformedResponseError("it has no statusCode, which payload format 1.0 wants")
    return _formatted(returned, [*_headers(returned), *_multiple(returned)])


def convert_prelude(payload: bytes, content_type: str) -> Answer:
    """Make the head of an answer of what a function streams before the body.

    Args:
        payload: The JSON that the function sent.
        content_type: That of an answer that names none.

    Raises:
        MalformedResponseError: It is no head of an answer.

    """
    try:
        returned = json.loads(payload)
    except ValueError as problem:
        raise MalformedResponseError("its status and headers are no JSON") from problem
    if not isinstance(returned, dict):
        raise MalformedResponseError(f"its status and headers must be an object, not {_kind(returned)}")
    headers = [*_headers(returned), *_multiple(returned), *_cookies(returned)]
    head = {"statusCode": returned.get("statusCode", 200)}
    return _formatted(head, headers, content_type)


def _formatted(
    returned: Mapping[str, Any], headers: list[tuple[str, str]], content_type: str = _DEFAULT_CONTENT_TYPE
) -> Answer:
    headers = [(name, value) for name, value in headers if name not in _SET_BY_THE_GATEWAY]
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", content_type))
    status = _status(returned["statusCode"])
    body = _body(returned)
    return Answer(status, tuple(headers), b"" if status in WITHOUT_BODY else body)


def _status(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if type(value) is not int or value not in _STATUSES:
        raise MalformedResponseError(f"statusCode must be an integer from 200 to 599, not {value!r}")
    return value


def _body(returned: Mapping[str, Any]) -> bytes:
    body = returned.get("body")
    encoded = returned.get("isBase64Encoded") or False
    if body is None:
        return b""
    if not isinstance(body, str):
        raise MalformedResponseError(f"body must be a string, not {_kind(body)}")
    if not isinstance(encoded, bool):
        raise MalformedResponseError(f"isBase64Encoded must be true or false, not {encoded!r}")
    if not encoded:
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as problem:
        raise MalformedResponseError(f"body is not base64: {problem}") from problem


def _headers(returned: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [_header(name.lower(), value) for name, value in _object(returned, "headers").items()]


def _cookies(returned: Mapping[str, Any]) -> list[tuple[str, str]]:
    cookies = returned.get("cookies") or []
    if not isinstance(cookies, list):
        raise MalformedResponseError(f"cookies must be an array, not {_kind(cookies)}")
    return [_header("set-cookie", cookie) for cookie in cookies]


def _multiple(returned: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    for name, values in _object(returned, "multiValueHeaders").items():
        if not isinstance(values, list):
            raise MalformedResponseError(f"{name} of multiValueHeaders must be an array, not {_kind(values)}")
        found += [_header(name.lower(), value) for value in values]
    return found


def _object(returned: Mapping[str, Any], key: str) -> dict[str, Any]:
    given = returned.get(key) or {}
    if not isinstance(given, dict):
        raise MalformedResponseError(f"{key} must be an object, not {_kind(given)}")
    return given


def _header(name: str, value: Any) -> tuple[str, str]:
    if not _NAME.fullmatch(name):
        raise MalformedResponseError(f"{name!r} is no header name")
    if isinstance(value, bool | int | float):
        value = json.dumps(value)
    if not isinstance(value, str):
        raise MalformedResponseError(f"header {name} must be a string, not {_kind(value)}")
    if _FORBIDDEN_IN_VALUE.search(value):
        raise MalformedResponseError(f"header {name} has a control character")
    return name, value.strip(" \t")


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", type(None): "null", str: "a string"}
    return names.get(type(value), "a number")
