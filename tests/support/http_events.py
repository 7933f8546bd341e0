"""The events of the four HTTP sources, with the fields that each source sends."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import parse_qsl, unquote

DEFAULT_DOMAIN = "abc123.execute-api.us-east-1.amazonaws.com"


def _body(body: str | bytes | None) -> dict[str, Any]:
    if body is None:
        return {"isBase64Encoded": False}
    if isinstance(body, bytes):
        return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    return {"body": body, "isBase64Encoded": False}


def http_api(
    path: str = "/",
    *,
    method: str = "GET",
    query: str = "",
    headers: dict[str, str] | None = None,
    cookies: list[str] | None = None,
    body: str | bytes | None = None,
    stage: str = "$default",
    domain: str = DEFAULT_DOMAIN,
) -> dict[str, Any]:
    """HTTP API, payload 2.0. `path` is what comes after the stage, and the raw path has a named stage in it."""
    raw_path = path if stage == "$default" else f"/{stage}{path}"
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": raw_path,
        "rawQueryString": query,
        "headers": {
            "accept": "*/*",
            "host": domain,
            "x-amzn-trace-id": "Root=1-65f0c0de-cccccccccccccccccccccccc",
            "x-forwarded-for": "203.0.113.9",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
            **(headers or {}),
        },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "abc123",
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "http": {
                "method": method,
                "path": raw_path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.9",
                "userAgent": "curl/8.5.0",
            },
            "requestId": "HttpApiRequestId=",
            "routeKey": "$default",
            "stage": stage,
            "time": "12/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1583348638390,
        },
        **_body(body),
    }
    if query:
        event["queryStringParameters"] = _joined(query)
    if cookies:
        event["cookies"] = cookies
    return event


def http_api_1_0(path: str = "/", *, stage: str = "$default", **options: Any) -> dict[str, Any]:
    """HTTP API set to payload 1.0, by its $default route: both paths have a named stage in them."""
    event = rest_api(path, stage=stage, **options) | {"version": "1.0", "resource": "$default", "pathParameters": None}
    staged = path if stage == "$default" else f"/{stage}{path}"
    event["path"] = event["requestContext"]["path"] = staged
    return event


def function_url(path: str = "/", **options: Any) -> dict[str, Any]:
    """Function URL: payload 2.0 with a domain of its own and never a named stage."""
    event = http_api(path, domain="abcdefgh.lambda-url.us-east-1.on.aws", **options)
    event["requestContext"]["requestId"] = "function-url-request-id"
    return event


def rest_api(  # noqa: PLR0913 - a REST API's event has that many independent parts
    path: str = "/",
    *,
    method: str = "GET",
    query: str = "",
    headers: dict[str, list[str]] | None = None,
    body: str | bytes | None = None,
    stage: str = "prod",
    domain: str = DEFAULT_DOMAIN,
    base_path: str = "",
    resource: str = "/{proxy+}",
) -> dict[str, Any]:
    """REST API, payload 1.0, proxied by `resource`.

    On the default domain only `requestContext.path` has the stage in it; on a custom domain both paths begin with the
    base path mapping.
    """
    custom = domain != DEFAULT_DOMAIN
    multiple = {
        "Accept": ["*/*"],
        "Host": [domain],
        "X-Forwarded-For": ["203.0.113.9, 10.0.0.1"],
        "X-Forwarded-Port": ["443"],
        "X-Forwarded-Proto": ["https"],
        **(headers or {}),
    }
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        values.setdefault(name, []).append(value)
    return {
        "resource": "/" if path == "/" else resource,
        "path": base_path + path if custom else path,
        "httpMethod": method,
        "headers": {name: lines[-1] for name, lines in multiple.items()},
        "multiValueHeaders": multiple,
        "queryStringParameters": {name: lines[-1] for name, lines in values.items()} or None,
        "multiValueQueryStringParameters": values or None,
        "pathParameters": None if path == "/" else {"proxy": path.strip("/")},
        "stageVariables": None,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "abc123",
            "domainName": domain,
            "httpMethod": method,
            "identity": {"sourceIp": "203.0.113.9", "userAgent": "curl/8.5.0"},
            "path": base_path + path if custom else f"/{stage}{path}",
            "protocol": "HTTP/1.1",
            "requestId": "rest-api-request-id",
            "requestTimeEpoch": 1583348638390,
            "resourceId": "x1y2z3",
            "resourcePath": resource,
            "stage": stage,
        },
        "body": None,
        **_body(body),
    }


def load_balancer(
    path: str = "/",
    *,
    method: str = "GET",
    query: str = "",
    headers: dict[str, list[str]] | None = None,
    body: str | bytes | None = None,
    multi_value: bool = False,
) -> dict[str, Any]:
    """Application Load Balancer; query parameters are not decoded, and a missing body is an empty one."""
    multiple = {
        "accept": ["*/*"],
        "host": ["books.example.com"],
        "x-amzn-trace-id": ["Root=1-65f0c0de-dddddddddddddddddddddddd"],
        "x-forwarded-for": ["198.51.100.1, 203.0.113.9"],
        "x-forwarded-port": ["443"],
        "x-forwarded-proto": ["https"],
        **(headers or {}),
    }
    values: dict[str, list[str]] = {}
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        values.setdefault(name, []).append(value)
    event = {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:0:targetgroup/books/1"}},
        "httpMethod": method,
        "path": path,
        "body": "",
        **_body(body),
    }
    if multi_value:
        return event | {"multiValueHeaders": multiple, "multiValueQueryStringParameters": values}
    single = {name: lines[-1] for name, lines in multiple.items()}
    return event | {"headers": single, "queryStringParameters": {name: lines[-1] for name, lines in values.items()}}


def body_of(answer: dict[str, Any]) -> bytes:
    """The answer's body as the client gets it."""
    body = answer.get("body") or ""
    return base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()


def _joined(query: str) -> dict[str, str]:
    values: dict[str, list[str]] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        values.setdefault(unquote(name), []).append(unquote(value))
    return {name: ",".join(lines) for name, lines in values.items()}
