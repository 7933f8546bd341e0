"""HTTP events to ASGI and back: Mangum does it, this corrects what it leaves open.

The sources are the HTTP API (payload 2.0 or 1.0), the REST API (1.0), the function URL (2.0) and the Application Load
Balancer. For each, `root_path` is what the client sees in front of the app's own paths, as far as the event tells. It
does not tell the API mapping of an HTTP API's custom domain (API Gateway Developer Guide, "Create AWS Lambda proxy
integrations for HTTP APIs", payload 2.0): such a function says FASTLAMBDA_ROOT_PATH.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mangum import Mangum
from mangum.handlers import ALB, APIGateway, HTTPGateway

from fastlambda.errors import BadRequestError, UnknownEventError
from fastlambda.settings import current

if TYPE_CHECKING:
    from mangum.types import ASGI, LambdaConfig, LambdaContext, LambdaEvent, Response, Scope

# Parts of content types: what contains one goes out as text, everything else as base64.
TEXT_TYPES = (
    "text/",
    "application/json",
    "application/javascript",
    "application/xml",
    "application/yaml",
    "application/ndjson",
    "application/x-ndjson",
    "application/jsonl",
    "application/graphql",
    "application/x-www-form-urlencoded",
    "application/vnd.oai.openapi",
    "+json",
    "+xml",
    "+yaml",
)

_HOST = re.compile(r"[^:\s/]*(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")


def adapter(app: ASGI) -> Mangum:
    """Return Mangum round the app; the lifespan is not its business.

    The adapter raises UnknownEventError for an event that is no HTTP request, and BadRequestError for a request that
    no scope can describe.
    """
    return Mangum(
        app,
        lifespan="off",
        custom_handlers=[HttpApi, RestApi, LoadBalancer, Unknown],
        text_mime_types=list(TEXT_TYPES),
    )


def plain_answer(status: int, text: str) -> dict[str, Any]:
    """Return an answer that is not the app's, in a form that all four sources take."""
    return {
        "statusCode": status,
        "headers": {"content-type": "text/plain; charset=utf-8"},
        "body": text,
        "isBase64Encoded": False,
    }


class HttpApi(HTTPGateway):
    """An HTTP API or a function URL: payload 2.0."""

    @classmethod
    def infer(cls, event: LambdaEvent, _context: LambdaContext, _config: LambdaConfig) -> bool:
        """Tell whether the event is such a request; an authorizer's looks like one but for its ARN."""
        return "version" in event and "http" in _request_context(event) and "routeArn" not in event

    @cached_property
    def scope(self) -> Scope:
        """The ASGI scope, its path with the stage of the default domain in it, as the client's is."""
        _check_host(self.event.get("headers") or {})
        scope: Scope = super().scope
        request = self.event["requestContext"]
        domain = request.get("domainName", "")
        stage = f"/{request.get('stage', '$default')}"
        staged = stage != "/$default" and f"{scope['path']}/".startswith(f"{stage}/")
        if ".execute-api." in domain:
            scope["root_path"] = stage if staged else ""
        elif ".lambda-url." not in domain:
            # A custom domain has its API mapping in its URLs and not the stage, the event's path just the reverse.
            own_path = scope["path"].removeprefix(stage) or "/" if staged else scope["path"]
            scope["root_path"] = current().root_path
            scope["path"] = scope["root_path"] + own_path
        return scope

    def __call__(self, response: Response) -> dict[str, Any]:
        """Return the answer in the gateway's format."""
        return super().__call__(_sendable(response, self.scope))


class RestApi(APIGateway):
    """A REST API, or an HTTP API that is set to it: payload 1.0."""

    @classmethod
    def infer(cls, event: LambdaEvent, _context: LambdaContext, _config: LambdaConfig) -> bool:
        """Tell whether the event is such a request; an authorizer's looks like one but for its ARN."""
        request = _request_context(event)
        return "resource" in event and "httpMethod" in event and "elb" not in request and "methodArn" not in event

    @cached_property
    def scope(self) -> Scope:
        """The ASGI scope, with the stage or the custom domain's base path as `root_path`."""
        _check_host(_last_values(self.event))
        scope: Scope = super().scope
        own_path: str = scope["path"]
        public_path: str = self.event["requestContext"].get("path") or own_path
        scope["root_path"] = _base_path(self.event, public_path)
        if scope["root_path"] and not f"{own_path}/".startswith(f"{scope['root_path']}/"):
            scope["path"] = scope["root_path"] + own_path
        if self.event.get("multiValueHeaders"):
            scope["headers"] = _headers(self.event["multiValueHeaders"])
        return scope

    def __call__(self, response: Response) -> dict[str, Any]:
        """Return the answer in the gateway's format."""
        return super().__call__(_sendable(response, self.scope))


class LoadBalancer(ALB):
    """A target group of an Application Load Balancer, with or without multi-value headers."""

    @classmethod
    def infer(cls, event: LambdaEvent, _context: LambdaContext, _config: LambdaConfig) -> bool:
        """Tell whether the event is such a request."""
        return "elb" in _request_context(event) and "httpMethod" in event

    @cached_property
    def scope(self) -> Scope:
        """The ASGI scope; the client is the address that the load balancer itself saw, which it appends."""
        _check_host(_last_values(self.event))
        scope: Scope = super().scope
        addresses, port = scope["client"]
        scope["client"] = (addresses.rpartition(",")[2].strip(), port)
        if self.event.get("multiValueHeaders"):
            scope["headers"] = _headers(self.event["multiValueHeaders"])
        return scope

    def __call__(self, response: Response) -> dict[str, Any]:
        """Return the answer in the load balancer's format."""
        return super().__call__(_sendable(response, self.scope))


class Unknown(HTTPGateway):
    """The last resort, so that Mangum's own rules never see an event that is not HTTP."""

    @classmethod
    def infer(cls, event: LambdaEvent, _context: LambdaContext, _config: LambdaConfig) -> bool:
        """Refuse the event.

        Raises:
            UnknownEventError: always, naming the shape of the event.

        """
        raise UnknownEventError(
            f"The function got {_shape(event)}",
            why="FastLambda answers HTTP events: HTTP API, REST API, function URL and load balancer",
            remedy="Declare a consumer, FastLambda(app, events=...), or send it to a function with another handler.",
        )


def _request_context(event: Any) -> dict[str, Any]:
    context = event.get("requestContext") if isinstance(event, dict) else None
    return context if isinstance(context, dict) else {}


def _check_host(headers: dict[str, str]) -> None:
    """Refuse what would make Mangum's scope fail; the names of the headers are in lower case."""
    if not _HOST.fullmatch(headers.get("host", "")):
        raise BadRequestError("Bad request", why="the Host header is malformed")
    if not headers.get("x-forwarded-port", "0").isdecimal():
        raise BadRequestError("Bad request", why="the X-Forwarded-Port header is no number")


def _last_values(event: LambdaEvent) -> dict[str, str]:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    multiple = {name.lower(): ",".join(values) for name, values in (event.get("multiValueHeaders") or {}).items()}
    return headers | multiple


def _base_path(event: LambdaEvent, public_path: str) -> str:
    """Return what stands in front of the resource in the public path: the stage, or the domain's base path.

    The resource says how many segments are the app's. The event's `path` says it only on the API's default domain,
    for on a custom domain it begins with the base path itself.
    """
    resource = event["resource"]
    if not resource.startswith("/"):  # the $default route of an HTTP API, whose paths begin with a named stage
        stage = f"/{event['requestContext'].get('stage', '$default')}"
        return stage if f"{public_path}/".startswith(f"{stage}/") else ""
    own = [part for part in resource.split("/") if part]
    count = len(own)
    if resource.endswith("+}"):
        tail = (event.get("pathParameters") or {}).get(own[-1].strip("{}+"), "")
        count += len([part for part in tail.split("/") if part]) - 1
    segments = [part for part in public_path.split("/") if part]
    base = segments[: len(segments) - count] if count else segments
    return "".join(f"/{part}" for part in base)


def _headers(multiple: dict[str, list[str]]) -> list[list[bytes]]:
    """Return every value as a header of its own; cookies alone are one header, as HTTP wants them."""
    headers: list[list[bytes]] = []
    for name, values in multiple.items():
        key = name.lower()
        lines = ["; ".join(values)] if key == "cookie" else values
        headers.extend([key.encode(), line.encode()] for line in lines)
    return headers


def _sendable(response: Response, scope: Scope) -> Response:
    """Drop the body of an answer to HEAD, and re-encode header values that are Latin-1.

    An ASGI app may send either (a server drops the one and sends the other as it is), and Mangum expects neither.
    """
    if scope["method"] == "HEAD":
        response = {**response, "body": b""}
    if all(value.isascii() for _, value in response["headers"]):
        return response
    headers = [
        [name, value if value.isascii() else value.decode("latin-1").encode()] for name, value in response["headers"]
    ]
    return {**response, "headers": headers}


def _shape(event: Any) -> str:
    if not isinstance(event, dict):
        return f"a JSON {type(event).__name__} for an event"
    records = event.get("Records")
    if isinstance(records, list) and records and isinstance(records[0], dict):
        source = records[0].get("eventSource") or records[0].get("EventSource") or "an unknown source"
        return f"a batch of records from {source}"
    if "detail-type" in event and "source" in event:
        return f"an EventBridge event from {event['source']}"
    if "methodArn" in event or "routeArn" in event:
        return "a Lambda authorizer event"
    if "connectionId" in _request_context(event):
        return "a WebSocket event"
    return f"an event with the keys {', '.join(sorted(map(str, event))) or '(none)'}"
