"""API Gateway's own metrics: Amazon API Gateway Developer Guide, "Work with metrics for HTTP APIs"."""

from __future__ import annotations

import time
from collections.abc import Iterator

from fastlambda_cli.local.model import HttpExchange
from fastlambda_cli.local.telemetry.metrics import Metric

NAMESPACE = "AWS/ApiGateway"

_CLIENT_ERROR, _SERVER_ERROR, _BEYOND = 400, 500, 600


def counted(exchange: HttpExchange) -> Iterator[tuple[Metric, float]]:
    """Every value that a request to an HTTP API adds, once for the API and once for its stage."""
    if exchange.api_id is None:
        return
    second = int(time.time() - exchange.duration_ms / 1000)
    values = {
        "Count": (1.0, "Count"),
        "4xx": (float(_CLIENT_ERROR <= exchange.status < _SERVER_ERROR), "Count"),
        "5xx": (float(_SERVER_ERROR <= exchange.status < _BEYOND), "Count"),
        "Latency": (exchange.duration_ms, "Milliseconds"),
    }
    if exchange.integration_ms is not None:
        values["IntegrationLatency"] = (exchange.integration_ms, "Milliseconds")
    api = ("ApiId", exchange.api_id)
    for name, (value, unit) in values.items():
        for dimensions in ((api,), (api, ("Stage", exchange.stage))):
            yield Metric(NAMESPACE, name, dimensions, unit, second), round(value, 2)
