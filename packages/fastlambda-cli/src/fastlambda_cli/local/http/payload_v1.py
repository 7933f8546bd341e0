"""Payload format 1.0: an event much like a REST API's, and what the function has to return.

The shape is that of the API Gateway developer guide, "AWS Lambda proxy integrations for HTTP APIs". Where the guide is
silent it follows requests recorded at deployed HTTP APIs by AWS's own test tool for .NET (the snapshots of
Amazon.Lambda.TestTool): `path` is as the client sent it and `requestContext.path` is percent-decoded, the names of
headers that the gateway knows are capitalised, and without an authorizer there is no `authorizer`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from fastlambda_cli.local.http.payload import (
    ENDING,
    Gateway,
    Match,
    Received,
    added_headers,
    body_text,
    common_log_time,
    host_name,
)
from fastlambda_cli.local.model import ACCOUNT_ID

_CAPITALISED = frozenset({"content-type", "content-length", "host", "user-agent", "x-amzn-trace-id"})
_NOBODY = (
    *("accessKey", "accountId", "caller", "cognitoAuthenticationProvider", "cognitoAuthenticationType"),
    *("cognitoIdentityId", "cognitoIdentityPoolId", "principalOrgId"),
)


def event(
    given: Received, *, gateway: Gateway, match: Match | None = None, authorizer: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Build the event; the parameters are those of format 2.0."""
    request = given.request
    match = match or Match()
    headers = _headers(given)
    parameters = _grouped(parse_qsl(request.query, keep_blank_values=True))
    text, encoded = body_text(given)
    return {
        "version": "1.0",
        "resource": _resource(match),
        "path": request.target,
        "httpMethod": request.method,
        "headers": _last(headers),
        "multiValueHeaders": headers,
        "queryStringParameters": _last(parameters) or None,
        "multiValueQueryStringParameters": parameters or None,
        "requestContext": _context(given, gateway, match, authorizer),
        "pathParameters": dict(match.parameters) or None,
        "stageVariables": dict(gateway.stage_variables) or None,
        "body": text,
        "isBase64Encoded": encoded,
    }


def _context(given: Received, gateway: Gateway, match: Match, authorizer: Mapping[str, Any] | None) -> dict[str, Any]:
    request = given.request
    domain = host_name(request.header("host"))
    return {
        "accountId": ACCOUNT_ID,
        "apiId": gateway.api_id,
        **({} if authorizer is None else {"authorizer": _flat(authorizer)}),
        "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "extendedRequestId": given.request_id,
        "httpMethod": request.method,
        "identity": {
            **dict.fromkeys(_NOBODY),
            "sourceIp": request.source_ip,
            "user": None,
            "userAgent": request.header("user-agent"),
            "userArn": None,
        },
        "path": request.path,
        "protocol": request.protocol,
        "requestId": given.request_id,
        "requestTime": common_log_time(given.now),
        "requestTimeEpoch": int(given.now * 1000),
        "resourceId": match.route_key,
        "resourcePath": _resource(match),
        "stage": gateway.stage,
    }


def _flat(authorizer: Mapping[str, Any]) -> dict[str, Any]:
    """What format 2.0 has below the authorizer's kind stands here by itself."""
    return {name: value for kind in authorizer.values() for name, value in kind.items()}


def _resource(match: Match) -> str:
    return match.route_key.partition(" ")[2] or match.route_key


def _headers(given: Received) -> dict[str, list[str]]:
    added = added_headers(given)
    kept = [pair for pair in given.request.headers if pair[0] not in ENDING and pair[0] not in added]
    return _grouped(
        (_written(name), value) for name, value in sorted([*kept, *added.items()], key=lambda pair: pair[0])
    )


def _written(name: str) -> str:
    return name.title() if name in _CAPITALISED or name.startswith("x-forwarded-") else name


def _grouped(pairs: Any) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def _last(values: Mapping[str, list[str]]) -> dict[str, str]:
    return {name: several[-1] for name, several in values.items()}
