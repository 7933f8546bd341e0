"""What an authorizer says of a request, and where it looks for who asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from fastlambda_cli.local.http.request import HttpRequest
from fastlambda_cli.local.http.response import Answer

_HEADER = "$request.header."
_QUERY = "$request.querystring."


@dataclass(frozen=True, slots=True)
class Refused:
    """The request may not pass.

    Attributes:
        answer: What the client gets.
        reason: What access logs have as `$context.authorizer.error`.

    """

    answer: Answer
    reason: str


@dataclass(frozen=True, slots=True)
class Authorized:
    """The request may pass.

    Attributes:
        context: The event's `requestContext.authorizer`.
        principal: Who it is, where a function says so.
        check_body: Has the last word once the body is there, of that; None where the head decides.

    """

    context: Mapping[str, Any]
    principal: str | None = None
    check_body: Callable[[bytes], Refused | None] | None = None


Authorize: TypeAlias = Callable[[HttpRequest, str], Awaitable[Authorized | Refused]]
"""Decides whether a request may reach the function, of the request and its id."""


def selected(request: HttpRequest, source: str) -> str | None:
    """What an identity source selects from a request, such as `$request.header.Authorization`; None for nothing.

    Of a name that comes more than once the first value counts.
    """
    lowered = source.lower()
    if lowered.startswith(_HEADER):
        return next(request.values(lowered.removeprefix(_HEADER)), None) or None
    if lowered.startswith(_QUERY):
        name = source[len(_QUERY) :]
        values = (value for key, value in parse_qsl(request.query, keep_blank_values=True) if key == name)
        return next(values, None) or None
    return None
