"""What GetTraceSummaries says of a trace: AWS X-Ray API Reference, "TraceSummary"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastlambda_cli.local.model import ACCOUNT_ID
from fastlambda_cli.local.telemetry.segments import parts
from fastlambda_cli.local.telemetry.traces import Trace


def summary(trace: Trace) -> dict[str, Any]:
    """Return the summary of a trace, times in seconds of the epoch; root causes are not looked for."""
    root = trace.root
    answer: dict[str, Any] = {
        "Id": trace.id,
        "StartTime": trace.began_at,
        "Duration": round(trace.ended_at - trace.began_at, 3),
        "HasFault": _flagged(trace, "fault"),
        "HasError": _flagged(trace, "error"),
        "HasThrottle": _flagged(trace, "throttle"),
        "IsPartial": not trace.complete,
        "Http": _http(root),
        "Annotations": _annotations(trace),
        "Users": _users(trace),
        "ServiceIds": [service_id(segment) for segment in trace.segments],
        "ResourceARNs": [{"ARN": each["resource_arn"]} for each in trace.segments if "resource_arn" in each],
        "EntryPoint": service_id(root),
        "Revision": 1,
        "MatchedEventTime": trace.began_at,
    }
    if "end_time" in root:
        answer["ResponseTime"] = round(float(root["end_time"]) - float(root["start_time"]), 3)
    return answer


def service_id(segment: Mapping[str, Any]) -> dict[str, Any]:
    """Name the service that sent a segment (AWS X-Ray API Reference, "ServiceId")."""
    account = segment.get("aws", {}).get("account_id", ACCOUNT_ID)
    answer = {"Name": segment["name"], "Names": [segment["name"]], "AccountId": account}
    return answer | ({"Type": segment["origin"]} if "origin" in segment else {})


def _flagged(trace: Trace, flag: str) -> bool:
    return any(segment.get(flag) is True for segment in trace.segments)


def _http(root: Mapping[str, Any]) -> dict[str, Any]:
    http = root.get("http", {})
    request, response = http.get("request", {}), http.get("response", {})
    values = {
        "HttpURL": request.get("url"),
        "HttpMethod": request.get("method"),
        "UserAgent": request.get("user_agent"),
        "ClientIp": request.get("client_ip"),
        "HttpStatus": response.get("status"),
    }
    return {name: value for name, value in values.items() if value is not None}


def _annotations(trace: Trace) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, dict[Any, dict[str, Any]]] = {}
    for segment in trace.segments:
        for part in parts(segment):
            for key, value in (part.get("annotations") or {}).items():
                # 1 and True are one key of a dictionary, and two values of an annotation.
                entry = found.setdefault(key, {}).setdefault(
                    (type(value), value), {"AnnotationValue": _typed(value), "ServiceIds": []}
                )
                if (service := service_id(segment)) not in entry["ServiceIds"]:
                    entry["ServiceIds"].append(service)
    return {key: list(values.values()) for key, values in found.items()}


def _typed(value: object) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BooleanValue": value}
    return {"NumberValue": value} if isinstance(value, int | float) else {"StringValue": str(value)}


def _users(trace: Trace) -> list[dict[str, Any]]:
    users: dict[str, list[dict[str, Any]]] = {}
    for segment in trace.segments:
        if "user" in segment:
            users.setdefault(segment["user"], []).append(service_id(segment))
    return [{"UserName": user, "ServiceIds": services} for user, services in users.items()]
