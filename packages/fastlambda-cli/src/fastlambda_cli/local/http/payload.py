"""Payload format 2.0: the event that an HTTP API hands to Lambda.

The shape is that of the API Gateway developer guide, "AWS Lambda proxy integrations for HTTP APIs". Where the
guide is silent it follows requests recorded at a deployed HTTP API by AWS's own test tool for .NET (the
snapshots of Amazon.Lambda.TestTool): `rawPath` is percent-decoded while `rawQueryString` is not, and
`content-length` is there even without a body.
"""

from __future__ import annotations

import base64
import contextlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl

from fastlambda_cli.local.http.request import HttpRequest
from fastlambda_cli.local.model import ACCOUNT_ID, local_arn

DEFAULT_STAGE = "$default"
ROUTE_KEY = "$default"

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that concern one connection and so end at the gateway, in both directions (RFC 9110, section 7.6.1)."""

ENDING = HOP_BY_HOP | {"expect"}
"""Headers of requests that end at the gateway."""

_ROOT = re.compile(r"(^|;)\s*Root=1-[0-9a-f]{8}-[0-9a-f]{24}(;|$)")
_TEXT_TYPES = frozenset({"application/json", "application/xml", "application/javascript"})


@dataclass(frozen=True, slots=True)
class Gateway:
    """What the gateway knows about itself.

    Attributes:
        api_id: The API's id, in `requestContext`.
        stage: `$default`, or a named stage: the first segment of every path.
        stage_variables: The stage's variables.
        url_of: Whose function URL it is, such as `books:live`; None for an HTTP API.

    """

    api_id: str = "local"
    stage: str = DEFAULT_STAGE
    stage_variables: Mapping[str, str] = field(default_factory=dict)
    url_of: str | None = None

    @property
    def arn(self) -> str:
        """The stage's ARN, as policies name it."""
        return local_arn("execute-api", f"{self.api_id}/{self.stage}")


@dataclass(frozen=True, slots=True)
class Match:
    """How a request matches a route.

    Attributes:
        route_key: Such as `$default` or `GET /books/{id}`.
        parameters: What the route's path variables stand for, percent-decoded.

    """

    route_key: str = ROUTE_KEY
    parameters: Mapping[str, str] = field(default_factory=dict)


def new_request_id() -> str:
    """Make a request id as API Gateway writes them: 15 URL-safe characters and an equals sign."""
    return base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()


def trace_id_header(request: HttpRequest, now: float) -> str:
    """Return the client's `X-Amzn-Trace-Id` when it carries a root, else a new root made at `now`.

    The format is that of the X-Ray developer guide, "Tracing header": seconds of the epoch in 8 hexadecimal
    digits, then 96 random bits.
    """
    received = request.header("x-amzn-trace-id")
    return received if _ROOT.search(received) else f"Root=1-{int(now):08x}-{secrets.token_hex(12)}"


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it arrived.

    Attributes:
        request: Its head.
        body: Its body, whole.
        request_id: The gateway's id for it.
        now: When it arrived, in seconds of the epoch.
        trace: The `X-Amzn-Trace-Id` that it goes on with.

    """

    request: HttpRequest
    body: bytes
    request_id: str
    now: float
    trace: str


def received(request: HttpRequest, body: bytes, request_id: str, now: float) -> Received:
    """Take note of a request, with its own trace or a new one."""
    return Received(request, body, request_id, now, trace_id_header(request, now))


def event(
    given: Received, *, gateway: Gateway, match: Match | None = None, authorizer: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Build the event.

    Args:
        given: The request.
        gateway: The API and its stage.
        match: The route; by default `$default`.
        authorizer: What an authorizer says of who asks; None without one.

    """
    request = given.request
    cookies = [cookie for line in request.values("cookie") for part in line.split(";") if (cookie := part.strip())]
    parameters = query_string_parameters(request.query)
    text, encoded = body_text(given)
    match = match or Match()
    return {
        "version": "2.0",
        "routeKey": match.route_key,
        "rawPath": request.path,
        "rawQueryString": request.query,
        **({"cookies": cookies} if cookies else {}),
        "headers": _headers(given),
        **({"queryStringParameters": parameters} if parameters else {}),
        "requestContext": {
            **_context(given, gateway),
            "routeKey": match.route_key,
            **({} if authorizer is None else {"authorizer": authorizer}),
        },
        **({} if text is None else {"body": text}),
        **({"pathParameters": dict(match.parameters)} if match.parameters else {}),
        **({"stageVariables": dict(gateway.stage_variables)} if gateway.stage_variables else {}),
        "isBase64Encoded": encoded,
    }


def query_string_parameters(query: str) -> dict[str, str]:
    """Decode a query string; the values of a repeated name are joined with commas, in their order."""
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    return parameters


def added_headers(given: Received) -> dict[str, str]:
    """What the gateway puts in the place of the client's own."""
    request = given.request
    forwarded = request.header("x-forwarded-for")
    return {
        "content-length": str(len(given.body)),
        "x-amzn-trace-id": given.trace,
        "x-forwarded-for": f"{forwarded}, {request.source_ip}" if forwarded else request.source_ip,
        "x-forwarded-port": str(request.port),
        "x-forwarded-proto": "http",
    }


def _headers(given: Received) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in given.request.headers:
        if name not in ENDING and name != "cookie":
            joined[name] = f"{joined[name]},{value}" if name in joined else value
    return dict(sorted((joined | added_headers(given)).items()))


def _context(given: Received, gateway: Gateway) -> dict[str, Any]:
    request = given.request
    domain = host_name(request.header("host"))
    return {
        "accountId": ACCOUNT_ID,
        "apiId": gateway.api_id,
        "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": request.header("user-agent"),
        },
        "requestId": given.request_id,
        "stage": gateway.stage,
        "time": common_log_time(given.now),
        "timeEpoch": int(given.now * 1000),
    }


def host_name(authority: str) -> str:
    """Drop the port of a Host header's value: `localhost:8000` is `localhost`, `[::1]:8000` is `[::1]`."""
    name, colon, port = authority.rpartition(":")
    return (name if colon and (port.isdigit() or not port) else authority).lower()


def common_log_time(now: float) -> str:
    """Write a moment as access logs do, such as `12/Mar/2020:19:03:58 +0000`, whatever the locale."""
    _, day, month, year, clock, _ = formatdate(now, usegmt=True).split()
    return f"{day}/{month}/{year}:{clock} +0000"


def body_text(given: Received) -> tuple[str | None, bool]:
    """Write a request's body as events have it, and say whether that is base64; None when it has none."""
    if not given.body:
        return None, False
    media_type = given.request.header("content-type").partition(";")[0].strip().lower()
    if media_type.startswith("text/") or media_type in _TEXT_TYPES:
        # JSON cannot hold bytes that are no UTF-8 as text; in base64 none of them is lost.
        with contextlib.suppress(UnicodeDecodeError):
            return given.body.decode("utf-8"), False
    return base64.b64encode(given.body).decode("ascii"), True
