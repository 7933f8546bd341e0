"""Which route of an HTTP API a request takes, and what is behind it.

The order of routes is that of the API Gateway developer guide, "Routes for HTTP APIs": a full match, then a greedy
path variable, then `$default`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar
from urllib.parse import unquote

from fastlambda_cli.local.http import formats
from fastlambda_cli.local.http.access_log import AccessLog
from fastlambda_cli.local.http.authorizing import Authorize
from fastlambda_cli.local.http.cors import Cors
from fastlambda_cli.local.http.payload import DEFAULT_STAGE, ROUTE_KEY, Gateway, Match
from fastlambda_cli.local.http.request import HttpRequest
from fastlambda_cli.local.http.response import Answer, message
from fastlambda_cli.local.http.throttling import Limits, Throttle
from fastlambda_cli.local.model import Invoke

T = TypeVar("T")

INTEGRATION_TIMEOUT_S = 30.0
"""How long the client waits for the function (API Gateway developer guide, "Quotas for HTTP APIs")."""

_VARIABLE = re.compile(r"\{(?P<name>[^{}+]+)(?P<greedy>\+)?\}")


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes.

    Attributes:
        invoke: Runs the function behind the route.
        gateway: The API and its stage.
        match: The route's key and what its variables stand for in the request.
        timeout_s: After how many seconds the client gets its 503, while the function runs on; None when it never does.
        cors: The API's CORS configuration, if it has one.
        authorize: Decides who may pass; None lets everybody.
        admits: Counts a request; False when there are too many.
        payloads: What the function is sent, and what it may return.
        log: Where its requests are written down, if they are.
        streams: Whether the answer leaves while the function makes it.

    """

    invoke: Invoke
    gateway: Gateway = field(default_factory=Gateway)
    match: Match = field(default_factory=Match)
    timeout_s: float | None = INTEGRATION_TIMEOUT_S
    cors: Cors | None = None
    authorize: Authorize | None = None
    admits: Callable[[], bool] = lambda: True
    payloads: formats.Payloads = formats.V2
    log: AccessLog | None = None
    streams: bool = False


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """A request that a stage answers without a function.

    Attributes:
        answer: The answer.
        log: Where the stage's requests are written down, if they are.
        integration_error: What API Gateway would say is wrong with the function.

    """

    answer: Answer
    log: AccessLog | None = None
    integration_error: str | None = None


Router: TypeAlias = Callable[[HttpRequest], Awaitable[Route | TurnedAway | Answer]]
"""Finds the route of a request, or the answer that the gateway gives by itself."""


def one_route(
    invoke: Invoke,
    *,
    stage: str = DEFAULT_STAGE,
    integration_timeout_s: float = INTEGRATION_TIMEOUT_S,
    cors: Callable[[], Cors | None] = lambda: None,
    authorize: Callable[[], Authorize | None] = lambda: None,
    limits: Callable[[], Limits | None] = lambda: None,
) -> Router:
    """Send every request to one function.

    Args:
        invoke: Runs one invocation of the function.
        stage: `$default`, or a named stage: the first segment of every path, as on AWS also in `rawPath`.
        integration_timeout_s: After how many seconds the client gets its 503, while the function runs on.
        cors: The API's CORS configuration as it is now, if it has one. Preflights are answered to everybody.
        authorize: Decides, as of now, who may pass; None lets everybody.
        limits: How many requests may pass, as of now; None lets all.

    """
    throttle = Throttle()

    def admits() -> bool:
        present = limits()
        return present is None or throttle.admits(None, present)

    async def router(request: HttpRequest) -> Route | Answer:
        if stage != DEFAULT_STAGE and first_segment(request) != stage:
            return message(404, "Not Found", error=f"the path is not under the stage /{stage}")
        configured = cors()
        if configured and (preflight := configured.preflight(request)):
            return preflight
        return Route(
            invoke,
            Gateway(stage=stage),
            timeout_s=integration_timeout_s,
            cors=configured,
            authorize=authorize(),
            admits=admits,
        )

    return router


def first_segment(request: HttpRequest) -> str:
    """The first segment of the path: a named stage, where there is one."""
    return request.path.split("/", 2)[1]


def matching(request: HttpRequest, stage: str, routes: Mapping[str, T]) -> tuple[Match, T] | None:
    """Choose a route.

    Args:
        request: The request.
        stage: Its stage; a named one is not part of the path that routes are compared with.
        routes: By their keys, such as `GET /books/{id}`, `ANY /{proxy+}` or `$default`.

    Returns:
        How the route that was chosen matches, and what it is to; None when there is none.

    """
    segments = request.target.split("/")[1 if stage == DEFAULT_STAGE else 2 :]
    found = [(rank, key, match) for key in routes for rank, match in _matches(key, request.method, segments)]
    if not found:
        return None
    _, key, match = min(found, key=lambda each: each[0])
    return match, routes[key]


def _matches(key: str, method: str, segments: list[str]) -> Iterable[tuple[tuple[int, ...], Match]]:
    """Yield how a route matches, if it does, after a rank that is lower the more exactly it does."""
    if key == ROUTE_KEY:
        yield (2,), Match()
        return
    wanted, _, path = key.partition(" ")
    if wanted not in {method, "ANY"}:
        return
    pattern = path.split("/")[1:]
    variables: dict[str, str] = {}
    rank: list[int] = []
    for position, part in enumerate(pattern):
        variable = _VARIABLE.fullmatch(part)
        if position >= len(segments):
            return
        if variable and variable["greedy"]:
            variables[variable["name"]] = unquote("/".join(segments[position:]))
            yield (1, *rank, 2, wanted == "ANY"), Match(key, variables)
            return
        if variable:
            variables[variable["name"]] = unquote(segments[position])
        elif unquote(segments[position]) != part:
            return
        rank.append(1 if variable else 0)
    if len(pattern) == len(segments):
        yield (0, *rank, wanted == "ANY"), Match(key, variables)
