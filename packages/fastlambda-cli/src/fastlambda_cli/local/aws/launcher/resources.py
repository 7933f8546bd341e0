"""What an action is done to, and what a policy's conditions may ask, where ministack does not find it in a request.

Resources are those of the Service Authorization Reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ministack.core.responses import get_account_id  # type: ignore[import-not-found,unused-ignore]

_NO_CONTEXT: Sequence[Mapping[str, Any]] = ({},)


def resources_of(action: str, found: str, body: Mapping[str, Any], region: str) -> Sequence[str]:
    """Every resource that a request needs its action for; `found` is ministack's answer."""
    service, _, operation = action.partition(":")
    if service == "ssm":
        return [*_parameters(operation, body, region)] or [found]
    if service == "logs" and "logGroupName" in body:
        group = f"arn:aws:logs:{region}:{get_account_id()}:log-group:{body['logGroupName']}"
        return [f"{group}:log-stream:{body.get('logStreamName') or ''}"]
    return [found]


def _parameters(operation: str, body: Mapping[str, Any], region: str) -> Iterator[str]:
    names = {
        "GetParameters": body.get("Names"),
        "DeleteParameters": body.get("Names"),
        "GetParametersByPath": [body.get("Path")],
    }.get(operation)
    for name in names or ():
        if not isinstance(name, str):
            continue
        bare = name.partition(":")[0]  # a label or a version may follow
        yield (
            name if name.startswith("arn:") else f"arn:aws:ssm:{region}:{get_account_id()}:parameter/{bare.lstrip('/')}"
        )


def contexts_of(action: str, resource: str, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The condition keys of a request that only its body has; more than once where each of its entries counts."""
    if action == "cloudwatch:PutMetricData" and isinstance(body.get("Namespace"), str):
        return [{"cloudwatch:namespace": body["Namespace"]}]
    if action != "events:PutEvents":
        return _NO_CONTEXT
    bus = resource.rpartition("event-bus/")[2]
    entries = [entry for entry in body.get("Entries") or () if isinstance(entry, dict)]
    # Amazon EventBridge User Guide, "Using IAM policy conditions in Amazon EventBridge".
    of_bus = [
        {"events:source": entry.get("Source"), "events:detail-type": entry.get("DetailType")}
        for entry in entries
        if str(entry.get("EventBusName") or "default").rpartition("event-bus/")[2] == bus
    ]
    return of_bus or _NO_CONTEXT
