"""A dashboard: the service by route, from the runtime's own metrics, above the HTTP API and the alias."""

from __future__ import annotations

import json
from typing import Any

from fastlambda_cli.template.function import FUNCTION, LIVE
from fastlambda_cli.template.http import API
from fastlambda_cli.template.intrinsics import Resources, resource, sub
from fastlambda_cli.template.logs import FUNCTION_LOGS, QUERIES
from fastlambda_cli.template.stack import FunctionOfStack, Stack

DASHBOARD = "Dashboard"

_PERIOD = 300
_COLUMNS = 3
_WIDTH = 24 // _COLUMNS
_HEIGHT = 6


def dashboard_resources(stack: Stack) -> Resources:
    """The dashboard."""
    charts = [*_by_route(stack), *_of_api(), *_of_alias(stack)]
    charts += [chart for function in stack.other_functions for chart in _of_consumers(function)]
    widgets = [_placed(position, chart) for position, chart in enumerate(charts)]
    rows = -(-len(charts) // _COLUMNS)
    body = {"widgets": [*widgets, _faults(stack, rows * _HEIGHT)]}
    return {
        DASHBOARD: resource(
            "AWS::CloudWatch::Dashboard",
            {"DashboardName": stack.name, "DashboardBody": sub(json.dumps(body, indent=1)), "Tags": stack.tags},
        )
    }


def _by_route(stack: Stack) -> list[dict[str, Any]]:
    return [
        _chart("Requests by route", [_search(stack, "Requests", "Sum")]),
        _chart("Latency by route, p95, ms", [_search(stack, "Latency", "p95")]),
        _chart("Faults by route, 5xx", [_search(stack, "Faults", "Sum")]),
        _chart("Errors by route, 4xx", [_search(stack, "Errors", "Sum")]),
    ]


def _search(stack: Stack, metric: str, statistic: str) -> list[Any]:
    """A line for every route, those included that do not exist yet.

    The dimensions are those that `fastlambda` writes with each request.
    """
    namespace = stack.configuration.metrics_namespace or stack.service.name
    schema = f'{{"{namespace}",service,method,route}}'
    terms = f'{schema} service="{stack.service.name}" MetricName="{metric}"'
    # ${!...} reaches CloudWatch as ${...}: here Fn::Sub would take it for a reference of its own.
    label = "${!PROP('Dim.method')} ${!PROP('Dim.route')}"
    return [{"expression": f"SEARCH('{terms}', '{statistic}', {_PERIOD})", "label": label}]


def _of_api() -> list[dict[str, Any]]:
    metric = ["AWS/ApiGateway"]
    api = ["ApiId", f"${{{API}}}"]
    return [
        _chart(
            "HTTP API: requests, 4xx, 5xx",
            [[*metric, name, *api, {"stat": "Sum"}] for name in ("Count", "4xx", "5xx")],
        ),
        _chart(
            "HTTP API: latency, ms",
            [[*metric, "Latency", *api, {"stat": stat, "label": stat}] for stat in ("p50", "p95", "p99")],
        ),
    ]


def _of_alias(stack: Stack) -> list[dict[str, Any]]:
    return _of_function("Lambda", FUNCTION, _concurrency(stack.api_function))


def _of_consumers(function: FunctionOfStack) -> list[dict[str, Any]]:
    return _of_function(f"Lambda, {function.of.name}", function.id(FUNCTION), _concurrency(function))


def _concurrency(function: FunctionOfStack) -> list[str]:
    if function.of.provisioned is None:
        return ["ConcurrentExecutions"]
    return ["ConcurrentExecutions", "ProvisionedConcurrentExecutions", "ProvisionedConcurrencySpilloverInvocations"]


def _of_function(title: str, function: str, concurrency: list[str]) -> list[dict[str, Any]]:
    """What the alias of a function does.

    Args:
        title: What the charts' titles begin with.
        function: The function's logical id.
        concurrency: Metrics.

    """
    alias = ["FunctionName", f"${{{function}}}", "Resource", f"${{{function}}}:{LIVE}"]
    return [
        _chart(
            f"{title}: invocations, errors, throttles",
            [["AWS/Lambda", name, *alias, {"stat": "Sum"}] for name in ("Invocations", "Errors", "Throttles")],
        ),
        _chart(
            f"{title}: duration, ms",
            [["AWS/Lambda", "Duration", *alias, {"stat": stat, "label": stat}] for stat in ("p50", "p95", "p99")],
        ),
        _chart(f"{title}: concurrency", [["AWS/Lambda", name, *alias, {"stat": "Maximum"}] for name in concurrency]),
    ]


def _chart(title: str, metrics: list[Any]) -> dict[str, Any]:
    return {
        "type": "metric",
        "properties": {
            "title": title,
            "region": "${AWS::Region}",
            "view": "timeSeries",
            "period": _PERIOD,
            "metrics": metrics,
        },
    }


def _placed(position: int, widget: dict[str, Any]) -> dict[str, Any]:
    row, column = divmod(position, _COLUMNS)
    return {"x": column * _WIDTH, "y": row * _HEIGHT, "width": _WIDTH, "height": _HEIGHT, **widget}


def _faults(stack: Stack, top: int) -> dict[str, Any]:
    _, query = QUERIES["Faults"]
    logs = " | ".join(f"SOURCE '${{{function.id(FUNCTION_LOGS)}}}'" for function in stack.functions)
    return {
        "type": "log",
        "x": 0,
        "y": top,
        "width": 24,
        "height": _HEIGHT,
        "properties": {
            "title": "Latest faults",
            "region": "${AWS::Region}",
            "view": "table",
            "query": f"{logs} | {query}",
        },
    }
