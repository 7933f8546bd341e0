"""What AWS measures of requests.

Amazon API Gateway Developer Guide, "Work with metrics for HTTP APIs"; AWS Lambda Developer Guide, "Monitoring Lambda
function URLs".
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from fastlambda_cli.local.model import HttpExchange
from fastlambda_cli.local.telemetry import lambda_metrics
from fastlambda_cli.local.telemetry.metrics import Metric

NAMESPACE = "AWS/ApiGateway"

_CLIENT_ERROR, _SERVER_ERROR, _BEYOND = 400, 500, 600
_OF_URLS = {"Count": "UrlRequestCount", "4xx": "Url4xxCount", "5xx": "Url5xxCount", "Latency": "UrlRequestLatency"}


def counted(exchange: HttpExchange) -> Iterator[tuple[Metric, float]]:
    """Every value that a request adds: for the API and for its stage, or for the function and for its URL."""
    second = int(time.time() - exchange.duration_ms / 1000)
    values = {
        "Count": (1.0, "Count"),
        "4xx": (float(_CLIENT_ERROR <= exchange.status < _SERVER_ERROR), "Count"),
        "5xx": (float(_SERVER_ERROR <= exchange.status < _BEYOND), "Count"),
        "Latency": (exchange.duration_ms, "Milliseconds"),
    }
    if exchange.url_of is not None:
        name = ("FunctionName", exchange.url_of.partition(":")[0])
        url = ("Resource", exchange.url_of)
        for called, (value, unit) in values.items():
            for dimensions in ((name,), (name, url)):
                metric = Metric(lambda_metrics.NAMESPACE, _OF_URLS[called], dimensions, unit, second)
                yield metric, round(value, 2)
    if exchange.api_id is not None:
        if exchange.integration_ms is not None:
            values["IntegrationLatency"] = (exchange.integration_ms, "Milliseconds")
        api = ("ApiId", exchange.api_id)
        for called, (value, unit) in values.items():
            for dimensions in ((api,), (api, ("Stage", exchange.stage))):
                yield Metric(NAMESPACE, called, dimensions, unit, second), round(value, 2)
