"""Access logs: API Gateway developer guide, "Customize HTTP API access logs"."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastlambda_cli.local.http.exchange import Exchange
from fastlambda_cli.local.http.payload import Gateway, common_log_time, host_name
from fastlambda_cli.local.http.response import Answer
from fastlambda_cli.local.model import ACCOUNT_ID, AccessLine

_VARIABLE = re.compile(r"\$context\.(?P<name>[\w-]+(\.[\w:-]+)*)")
_NOTHING = "-"
_QUOTED = "error.messageString"
_RESPONSE_TYPES = {
    401: "UNAUTHORIZED",
    403: "ACCESS_DENIED",
    413: "REQUEST_TOO_LARGE",
    429: "THROTTLED",
    500: "INTEGRATION_FAILURE",
    503: "INTEGRATION_TIMEOUT",
}
"""The types of API Gateway's own answers, by their status (developer guide, "Gateway response types")."""


@dataclass(frozen=True, slots=True)
class AccessLog:
    """Where a stage's requests are written down, and how.

    Attributes:
        gateway: The API and its stage.
        group: The log group.
        format: A line, with variables such as `$context.requestId`.

    """

    gateway: Gateway
    group: str
    format: str

    def line(self, exchange: Exchange, answer: Answer) -> AccessLine:
        """Write down a request that was answered."""
        values = _values(exchange, answer, self.gateway) | _authorizer(exchange)
        text = _VARIABLE.sub(lambda found: _text(found["name"], values.get(found["name"])), self.format)
        return AccessLine(self.group, f"{self.gateway.api_id}/{self.gateway.stage}", text)


def _text(name: str, value: Any) -> str:
    """Write a value so that it can neither end a JSON string nor a line; what is not there is a dash."""
    if value is None or value == "":
        return _NOTHING
    written = json.dumps(value, ensure_ascii=False)
    return written[1:-1] if isinstance(value, str) and name != _QUOTED else written


def _values(exchange: Exchange, answer: Answer, gateway: Gateway) -> dict[str, Any]:
    request = exchange.request
    domain = host_name(request.header("host"))
    latency = None if exchange.integration_ms is None else int(exchange.integration_ms)
    invoked = exchange.request_id is not None and not exchange.running
    function_status = answer.status if invoked and answer.error is None else None
    own = _own_message(answer)
    return {
        "accountId": ACCOUNT_ID,
        "apiId": gateway.api_id,
        "awsEndpointRequestId": exchange.request_id,
        "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "error.message": own,
        _QUOTED: own,
        "error.responseType": own and _RESPONSE_TYPES.get(answer.status, f"DEFAULT_{answer.status // 100}XX"),
        "extendedRequestId": exchange.api_request_id,
        "httpMethod": request.method,
        "identity.sourceIp": request.source_ip,
        "identity.userAgent": request.header("user-agent"),
        "integration.error": exchange.integration_error,
        "integration.integrationStatus": 200 if invoked else None,
        "integration.latency": latency,
        "integration.requestId": exchange.request_id,
        "integration.status": function_status,
        "integrationErrorMessage": exchange.integration_error,
        "integrationLatency": latency,
        "integrationStatus": 200 if invoked else None,
        "path": request.path,
        "protocol": request.protocol,
        "requestId": exchange.api_request_id,
        "requestTime": common_log_time(exchange.arrived_at),
        "requestTimeEpoch": int(exchange.arrived_at * 1000),
        "responseLatency": int(exchange.duration_ms),
        "responseLength": len(answer.body),
        "routeKey": exchange.route_key,
        "stage": gateway.stage,
        "status": answer.status,
    }


def _authorizer(exchange: Exchange) -> dict[str, Any]:
    context: Mapping[str, Any] = exchange.authorizer or {}
    claims = context.get("jwt", {}).get("claims", {})
    return {
        **{f"authorizer.{name}": value for name, value in context.get("lambda", {}).items()},
        **{f"authorizer.claims.{name}": value for name, value in claims.items()},
        "authorizer.principalId": exchange.principal,
        "authorizer.error": exchange.authorizer_error,
    }


def _own_message(answer: Answer) -> str | None:
    """What the gateway tells the client by itself; None for an answer of the function."""
    if answer.error is None:
        return None
    told: str = json.loads(answer.body)["message"]
    return told
