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
    if service == "events" and (named := _OF_EVENTS.get(operation)):
        return [(action, f"arn:aws:events:{region}:{get_account_id()}:{named(body)}")]
    if service == "logs" and "logGroupName" in body:
        group = f"arn:aws:logs:{region}:{get_account_id()}:log-group:{body['logGroupName']}"
        return [(action, f"{group}:log-stream:{body.get('logStreamName') or ''}")]
    return [(action, found)]


def _rule(member: str) -> Callable[[Mapping[str, Any]], str]:
    def named(body: Mapping[str, Any]) -> str:
        bus = str(body.get("EventBusName") or "default").rpartition("event-bus/")[2]
        return f"rule/{body.get(member)}" if bus == "default" else f"rule/{bus}/{body.get(member)}"

    return named


def _bus(body: Mapping[str, Any]) -> str:
    return f"event-bus/{str(body.get('Name') or 'default').rpartition('event-bus/')[2]}"


_OF_EVENTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    **dict.fromkeys(("PutRule", "DeleteRule", "DescribeRule", "EnableRule", "DisableRule"), _rule("Name")),
    **dict.fromkeys(("PutTargets", "RemoveTargets", "ListTargetsByRule"), _rule("Rule")),
    **dict.fromkeys(("CreateEventBus", "DeleteEventBus", "DescribeEventBus"), _bus),
}
"""Operations of EventBridge that name a rule or a bus."""


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
