"""Log groups, which outlive the stack, and the questions one asks of them."""

from __future__ import annotations

from fastlambda_cli.template.intrinsics import KEPT, Resource, Resources, ref, resource
from fastlambda_cli.template.stack import FunctionOfStack, Stack

FUNCTION_LOGS = "FunctionLogs"
ACCESS_LOGS = "AccessLogs"

QUERIES = {
    "Faults": (
        "faults",
        """\
fields @timestamp, method, route, status, message, exception_name, correlation_id, xray_trace_id
| filter status >= 500 or level in ["ERROR", "CRITICAL"]
| sort @timestamp desc
| limit 100""",
    ),
    "SlowRoutes": (
        "slow-routes",
        """\
filter ispresent(duration_ms) and ispresent(route)
| stats count(*) as requests, pct(duration_ms, 50) as p50, pct(duration_ms, 95) as p95, max(duration_ms) as slowest
  by method, route
| sort p95 desc""",
    ),
    "ColdStarts": (
        "cold-starts",
        """\
filter type = "platform.report" and ispresent(record.metrics.initDurationMs)
| stats count(*) as cold_starts, avg(record.metrics.initDurationMs) as average_ms,
  max(record.metrics.initDurationMs) as slowest_ms by bin(1h)""",
    ),
    "OneRequest": (
        "one-request",
        """\
fields @timestamp, level, message, @message
| filter correlation_id = "PUT THE REQUEST ID HERE"
| sort @timestamp asc""",
    ),
}
"""Logs Insights queries by logical id: their name in the console, and their text over the runtime's JSON lines."""


def log_resources(stack: Stack) -> Resources:
    """The log groups of the function and of the HTTP API, and saved Logs Insights queries over all functions."""
    groups = [ref(function.id(FUNCTION_LOGS)) for function in stack.functions]
    return {
        **function_log_resources(stack.api_function),
        # The prefix keeps API Gateway's grants within the size limit of the account's resource policies (Amazon API
        # Gateway Developer Guide, "Configure logging for HTTP APIs").
        ACCESS_LOGS: _group(stack, f"/aws/vendedlogs/http-apis/{stack.name}"),
        **{
            f"{logical_id}Query": resource(
                "AWS::Logs::QueryDefinition",
                {"Name": f"{stack.name}/{name}", "LogGroupNames": groups, "QueryString": text},
            )
            for logical_id, (name, text) in QUERIES.items()
        },
    }


def function_log_resources(function: FunctionOfStack) -> Resources:
    """The log group of a function."""
    return {function.id(FUNCTION_LOGS): _group(function.stack, f"/aws/lambda/{function.name}")}


def _group(stack: Stack, name: str) -> Resource:
    return resource(
        "AWS::Logs::LogGroup",
        {"LogGroupName": name, "RetentionInDays": stack.configuration.logs.retention, "Tags": stack.tags},
        **KEPT,
    )
