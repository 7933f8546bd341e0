"""Metrics: Powertools Metrics (EMF), the app's own in one document and those of the request in another."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import EphemeralMetrics, Metrics, MetricUnit
from aws_lambda_powertools.metrics.functions import is_metrics_disabled
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from fastlambda import exchange
from fastlambda.settings import Settings, current

if TYPE_CHECKING:
    from fastlambda.events.attempts import Attempts
    from fastlambda.exchange import Exchange


class ServiceMetrics(Metrics):
    """Powertools Metrics: of the current request alone when it shares the process, else of the process.

    Attributes:
        process: What the metrics of the process are collected in.

    """

    process: AmazonCloudWatchEMFProvider

    @property
    def provider(self) -> AmazonCloudWatchEMFProvider:
        """What the metrics are collected in."""
        request = exchange.current()
        if request is None or request.log_format is None:
            return self.process
        if request.emf is None:
            request.emf = AmazonCloudWatchEMFProvider(
                namespace=self.process.namespace,
                service=self.process.service,
                default_dimensions=self.process.default_dimensions,
            )
        return request.emf

    @provider.setter
    def provider(self, provider: AmazonCloudWatchEMFProvider) -> None:
        self.process = provider


metrics = ServiceMetrics(namespace=current().metrics_namespace, service=current().service)
"""The Powertools Metrics of this service, for the app's own metrics; flushed when the invocation ends."""

# Apart from `metrics`: all metrics of an EMF document share its dimensions.
_requests = EphemeralMetrics(namespace=current().metrics_namespace, service=current().service)

# json.dumps makes an encoder at each call that asks for these separators.
_compact = json.JSONEncoder(separators=(",", ":")).encode

_disabled = is_metrics_disabled()

_CLIENT_ERROR = 400
_SERVER_ERROR = 500
# Of a metric in one document ("Specification: Embedded metric format", Amazon CloudWatch User Guide).
_MAX_VALUES = 100

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
            _flush()

    return flushing


def count(request: Exchange) -> None:
    """Publish one request: Requests, Latency (milliseconds), Faults (5xx and unhandled) and Errors (4xx)."""
    if _disabled:
        return
    status = request.status or _SERVER_ERROR
    fault = status >= _SERVER_ERROR or request.error is not None
    error = _CLIENT_ERROR <= status < _SERVER_ERROR and not fault
    document = _requests.serialize_metric_set(
        metrics={
            "Requests": _metric(MetricUnit.Count, 1),
            "Latency": _metric(MetricUnit.Milliseconds, request.duration_ms),
            "Faults": _metric(MetricUnit.Count, fault),
            "Errors": _metric(MetricUnit.Count, error),
        },
        dimensions={
            "service": current().service,
            "method": request.method,
            "route": request.route,
        },
    )
    # One write: the lines of threads that still run must not come between a line and its end.
    sys.stdout.write(_compact(document) + "\n")


def count_records(route: str, records: int, attempts: Attempts) -> None:
    """Publish the records of an event: Records, FailedRecords, and RecordLatency (milliseconds) of each."""
    if _disabled:
        return
    counted: dict[str, Any] = {
        "Records": _metric(MetricUnit.Count, records),
        "FailedRecords": _metric(MetricUnit.Count, attempts.failed),
    }
    # Of a whole number of microseconds: `round` to three places takes four times as long.
    latencies = [int(latency * 1e6 + 0.5) / 1000 for latency in attempts.latencies]
    for start in range(0, max(len(latencies), 1), _MAX_VALUES):
        if values := latencies[start : start + _MAX_VALUES]:
            counted["RecordLatency"] = {"Unit": MetricUnit.Milliseconds.value, "Value": values}
        document = _requests.serialize_metric_set(
            metrics=counted, dimensions={"service": current().service, "route": route}
        )
        sys.stdout.write(_compact(document) + "\n")
        counted = {}


def flush_request(request: Exchange) -> None:
    """Publish what the app has added during a request that shares the process."""
    if request.emf is not None:
        _publish(request.emf)


def flush_process() -> None:
    """Publish what was added outside of requests, and by instances of Powertools Metrics that are the app's own."""
    _publish(metrics.process)


def _publish(collected: AmazonCloudWatchEMFProvider) -> None:
    # One write, as above, and no warning that there is nothing.
    if collected.metric_set and not _disabled:
        sys.stdout.write(_compact(collected.serialize_metric_set()) + "\n")
    collected.clear_metrics()


def _metric(unit: MetricUnit, *values: float) -> dict[str, Any]:
    return {"Unit": unit.value, "Value": [float(value) for value in values]}


def _flush() -> None:
    # Powertools warns about an empty set, and with POWERTOOLS_METRICS_DISABLED neither prints nor clears a full one.
    if metrics.metric_set:
        metrics.flush_metrics()
    metrics.clear_metrics()
