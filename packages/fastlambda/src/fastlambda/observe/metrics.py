"""Metrics: Powertools Metrics (EMF), the app's own in one document and those of the request in another."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import EphemeralMetrics, Metrics, MetricUnit

from fastlambda.exchange import UNMATCHED
from fastlambda.settings import Settings, current

if TYPE_CHECKING:
    from fastlambda.exchange import Exchange

metrics = Metrics(namespace=current().metrics_namespace, service=current().service)
"""The Powertools Metrics of this service, for the app's own metrics; flushed when the invocation ends."""

# Apart from `metrics`: all metrics of an EMF document share its dimensions.
_requests = EphemeralMetrics(namespace=current().metrics_namespace, service=current().service)

_CLIENT_ERROR = 400
_SERVER_ERROR = 500

Handler = Callable[[Any, Any], Any]


def flushed(handler: Handler, settings: Settings) -> Handler:
    """Publish the metrics of every invocation, failed ones too, and ColdStart once in an environment's life."""
    cold = not settings.provisioned

    def flushing(event: Any, context: Any) -> Any:
        nonlocal cold
        try:
            return handler(event, context)
        finally:
            if cold:
                cold = False
                metrics.provider.add_cold_start_metric(context)
            _flush(metrics)

    return flushing


def count(request: Exchange) -> None:
    """Publish one request: Requests, Latency (milliseconds), Faults (5xx and unhandled) and Errors (4xx)."""
    status = request.status or _SERVER_ERROR
    fault = status >= _SERVER_ERROR or request.error is not None
    _requests.add_dimension("method", request.method)
    _requests.add_dimension("route", request.route or UNMATCHED)
    _requests.add_metric("Requests", MetricUnit.Count, 1)
    _requests.add_metric("Latency", MetricUnit.Milliseconds, request.duration_ms)
    _requests.add_metric("Faults", MetricUnit.Count, int(fault))
    _requests.add_metric("Errors", MetricUnit.Count, int(_CLIENT_ERROR <= status < _SERVER_ERROR and not fault))
    _flush(_requests)


def _flush(source: Metrics | EphemeralMetrics) -> None:
    # Powertools warns about an empty set, and with POWERTOOLS_METRICS_DISABLED neither prints nor clears a full one.
    if source.metric_set:
        source.flush_metrics()
    source.clear_metrics()
