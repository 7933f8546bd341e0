"""What an action is done to, and what a policy's conditions may ask, where ministack does not find it in a request.

Resources are those of the Service Authorization Reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from leading_keys import leading_keys  # type: ignore[import-not-found,unused-ignore]
from ministack import app as ministack  # type: ignore[import-not-found,unused-ignore]
from ministack.core.responses import get_account_id  # type: ignore[import-not-found,unused-ignore]

_NO_CONTEXT: Sequence[Mapping[str, Any]] = ({},)
_STATEMENTS = {
    "ExecuteStatement": None,
    "BatchExecuteStatement": "Statements",
    "ExecuteTransaction": "TransactStatements",
}
"""DynamoDB's operations that take PartiQL, and where in a request its statements are."""


def needed_of(action: str, found: str, body: Mapping[str, Any], region: str) -> Sequence[tuple[str, str]]:
    """Every action and resource that a request needs; `action` and `found` are ministack's answer."""
    service, _, operation = action.partition(":")
    if service == "dynamodb" and operation in _STATEMENTS:
        return [*_of_statements(operation, body, region)]
    if service == "ssm":
        return [(action, each) for each in _parameters(operation, body, region)] or [(action, found)]
    if service == "kms" and ":alias/" in found and "KeyId" in body:
        return [(action, _key(found))]
    if (named := _OF_BODIES.get(action)) is not None:
        return [(action, f"arn:aws:{service}:{region}:{get_account_id()}:{named(body)}")]
    if service == "logs" and "logGroupName" in body:
        group = f"arn:aws:logs:{region}:{get_account_id()}:log-group:{body['logGroupName']}"
        return [(action, f"{group}:log-stream:{body.get('logStreamName') or ''}")]
    of_tags = body.get("ResourceARN") if service == "events" else None
    return [(action, str(of_tags or found))]


def _function(body: Mapping[str, Any]) -> str:
    # It may be given by its ARN or a part of that.
    return f"function:{str(body.get('FunctionName')).rpartition(':')[2]}"


def _rule(member: str) -> Callable[[Mapping[str, Any]], str]:
    def named(body: Mapping[str, Any]) -> str:
        bus = str(body.get("EventBusName") or "default").rpartition("event-bus/")[2]
        return f"rule/{body.get(member)}" if bus == "default" else f"rule/{bus}/{body.get(member)}"

    return named


def _bus(member: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda body: f"event-bus/{str(body.get(member) or 'default').rpartition('event-bus/')[2]}"


def _archive(body: Mapping[str, Any]) -> str:
    return f"archive/{body.get('ArchiveName')}"


def _of_events(*operations: str) -> Sequence[str]:
    return [f"events:{each}" for each in operations]


_OF_BODIES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "lambda:CreateFunction": _function,
    **dict.fromkeys(_of_events("PutRule", "DeleteRule", "DescribeRule", "EnableRule", "DisableRule"), _rule("Name")),
    **dict.fromkeys(_of_events("PutTargets", "RemoveTargets", "ListTargetsByRule"), _rule("Rule")),
    **dict.fromkeys(_of_events("CreateEventBus", "UpdateEventBus", "DeleteEventBus", "DescribeEventBus"), _bus("Name")),
    **dict.fromkeys(_of_events("PutPermission", "RemovePermission"), _bus("EventBusName")),
    **dict.fromkeys(_of_events("CreateArchive", "UpdateArchive", "DeleteArchive", "DescribeArchive"), _archive),
}
"""Actions on what only the body of a request names."""


def _of_statements(operation: str, body: Mapping[str, Any], region: str) -> Iterator[tuple[str, str]]:
    """What statements of PartiQL need; nothing of those that cannot be read, which their operation refuses.

    Amazon DynamoDB Developer Guide, "IAM security policies with PartiQL for DynamoDB": the operations have no actions.
    """
    member = _STATEMENTS[operation]
    for each in [body] if member is None else body.get(member) or ():
        try:
            read = ministack._get_module("dynamodb")._parse_partiql(  # noqa: SLF001
                each.get("Statement", ""), each.get("Parameters") or []
            )
        except (ValueError, AttributeError):
            continue
        read = read.get("select") or read  # of EXISTS
        table = f"arn:aws:dynamodb:{region}:{get_account_id()}:table/{read['table']}"
        resource = f"{table}/index/{read['index']}" if read.get("index") else table
        yield f"dynamodb:PartiQL{read['op'].capitalize()}", resource


def _key(alias: str) -> str:
    """The key behind an alias, which is what policies name.

    AWS Key Management Service Developer Guide, "Use aliases to control access to KMS keys".
    """
    key = ministack._get_module("kms")._resolve_key(alias)  # noqa: SLF001
    return str(key["Arn"]) if key else alias


def _parameters(operation: str, body: Mapping[str, Any], region: str) -> Iterator[str]:
    names = {
        "GetParameter": [body.get("Name")],
        "GetParameterHistory": [body.get("Name")],
        "GetParameters": body.get("Names"),
        "DeleteParameters": body.get("Names"),
        "GetParametersByPath": [body.get("Path")],
    }.get(operation)
    for name in names or ():
        if not isinstance(name, str):
            continue
        start, found, named = name.partition(":parameter") if name.startswith("arn:") else ("", "", name)
        bare = named.partition(":")[0].lstrip("/")  # a label or a version may follow
        yield f"{start if found else f'arn:aws:ssm:{region}:{get_account_id()}'}:parameter/{bare}"


def contexts_of(action: str, resource: str, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The condition keys of a request that only its body has; more than once where each of its entries counts."""
    if action == "cloudwatch:PutMetricData" and isinstance(body.get("Namespace"), str):
        return [{"cloudwatch:namespace": body["Namespace"]}]
    if action.startswith("dynamodb:"):
        return [leading_keys(action, resource, body)]
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
