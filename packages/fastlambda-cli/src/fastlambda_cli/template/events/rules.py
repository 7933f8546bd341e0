"""Rules by which EventBridge hands events of a bus to the alias of a function."""

from __future__ import annotations

from typing import Any

from fastlambda_cli.service.events import RuleSource
from fastlambda_cli.template.events.buses import rule_bus
from fastlambda_cli.template.events.naming import FAILED_EVENTS, fitting, sources_of
from fastlambda_cli.template.function import ALIAS, LIVE
from fastlambda_cli.template.intrinsics import Resource, Resources, get_att, ref, resource
from fastlambda_cli.template.stack import Stack

_MAX_NAME = 64

_RETRIES = {"MaximumEventAgeInSeconds": 24 * 3600, "MaximumRetryAttempts": 185}
"""What EventBridge does by default on most buses and not on all (Amazon EventBridge User Guide, "Retry policy")."""


def rule_resources(stack: Stack) -> Resources:
    """The rules, and the permissions that let each invoke the alias."""
    found: Resources = {}
    for logical_id, source in sources_of(stack, RuleSource).items():
        found[logical_id] = _rule(stack, source)
        found[f"{logical_id}Permission"] = resource(
            "AWS::Lambda::Permission",
            {
                "Action": "lambda:InvokeFunction",
                "FunctionName": ref(stack.function_of(source).id(ALIAS)),
                "Principal": "events.amazonaws.com",
                "SourceArn": get_att(logical_id, "Arn"),
            },
        )
    return found


def _rule(stack: Stack, source: RuleSource) -> Resource:
    target = {
        "Id": LIVE,
        "Arn": ref(stack.function_of(source).id(ALIAS)),
        "RetryPolicy": _RETRIES,
        "DeadLetterConfig": {"Arn": get_att(FAILED_EVENTS, "Arn")},
    }
    return resource(
        "AWS::Events::Rule",
        {
            "Name": fitting(f"{stack.name}-{source.name}", _MAX_NAME, source),
            "Description": f"Events for {source.consumer}.",
            "EventBusName": rule_bus(stack, source),
            "EventPattern": _pattern(source),
            "State": "ENABLED" if source.enabled else "DISABLED",
            "Targets": [target],
            "Tags": stack.tags,
        },
    )


def _pattern(source: RuleSource) -> dict[str, Any]:
    pattern: dict[str, Any] = {"source": [source.source]}
    if source.detail_type is not None:
        pattern["detail-type"] = [source.detail_type]
    if source.detail:
        pattern["detail"] = source.detail
    return pattern
