"""What a person or a program wants to know of a stack that stands."""

from __future__ import annotations

from typing import Any

from fastlambda_cli.template.dashboard import DASHBOARD
from fastlambda_cli.template.events.naming import FAILED_EVENTS, has_asynchronous_sources, subscribed_topics
from fastlambda_cli.template.events.queues import DEAD_LETTERS, made_queues
from fastlambda_cli.template.events.topics import made_topics, only_published_topics
from fastlambda_cli.template.function import ALIAS, FUNCTION, LIVE
from fastlambda_cli.template.http import API, DOMAIN
from fastlambda_cli.template.intrinsics import get_att, ref, sub
from fastlambda_cli.template.logs import ACCESS_LOGS, FUNCTION_LOGS
from fastlambda_cli.template.role import ROLE
from fastlambda_cli.template.stack import FunctionOfStack, Stack


def outputs(stack: Stack) -> dict[str, dict[str, Any]]:
    """Every output by name."""
    described = {
        "ApiUrl": ("The HTTP API.", get_att(API, "ApiEndpoint")),
        "HealthUrl": (
            "What a deployment asks when traffic has moved.",
            sub(f"${{{API}.ApiEndpoint}}{stack.configuration.health}"),
        ),
        "FunctionName": ("The function.", ref(FUNCTION)),
        "AliasName": ("Where the live version is.", LIVE),
        "AliasArn": ("What to invoke: the version that is live.", ref(ALIAS)),
        "RoleArn": ("The execution role.", get_att(ROLE, "Arn")),
        "LogGroupName": ("The function's log.", ref(FUNCTION_LOGS)),
        "AccessLogGroupName": ("The HTTP API's access log.", ref(ACCESS_LOGS)),
        "DashboardUrl": (
            "The dashboard.",
            sub(
                "https://console.aws.amazon.com/cloudwatch/home"
                f"?region=${{AWS::Region}}#dashboards/dashboard/${{{DASHBOARD}}}"
            ),
        ),
    }
    if stack.configuration.http.domain is not None:
        described["DomainUrl"] = ("The HTTP API under its own name.", sub(f"https://${{{DOMAIN}}}"))
        described["DomainTarget"] = (
            "Where a CNAME or alias record of the name must lead.",
            get_att(DOMAIN, "RegionalDomainName"),
        )
    for function in stack.other_functions:
        described |= _of_consumers(function)
    described |= _of_events(stack)
    return {name: {"Description": text, "Value": value} for name, (text, value) in described.items()}


def _of_consumers(function: FunctionOfStack) -> dict[str, tuple[str, Any]]:
    name = function.of.name
    return {
        function.id("FunctionName"): (f"The function {name}, which only consumes.", ref(function.id(FUNCTION))),
        function.id("AliasArn"): (f"The version of {name} that is live.", ref(function.id(ALIAS))),
        function.id("RoleArn"): (f"The execution role of {name}.", get_att(function.id(ROLE), "Arn")),
        function.id("LogGroupName"): (f"The log of {name}.", ref(function.id(FUNCTION_LOGS))),
    }


def _of_events(stack: Stack) -> dict[str, tuple[str, Any]]:
    described: dict[str, tuple[str, Any]] = {}
    for logical_id, queue in made_queues(stack).items():
        letters = f"{logical_id}{DEAD_LETTERS}"
        described[f"{logical_id}Url"] = (f"Where messages for {queue.consumer} are sent.", ref(logical_id))
        described[f"{letters}Url"] = (f"Messages that {queue.consumer} could not handle.", ref(letters))
    for logical_id, topic in made_topics(stack).items():
        described[f"{logical_id}Arn"] = (f"Where messages for {topic.consumer} are published.", ref(logical_id))
    for logical_id in subscribed_topics(stack):
        described[f"{logical_id}Arn"] = ("What queues of the service are subscribed to.", ref(logical_id))
    for logical_id in only_published_topics(stack):
        described[f"{logical_id}Arn"] = ("What the service publishes to, for others to subscribe to.", ref(logical_id))
    if has_asynchronous_sources(stack):
        text = "Events of topics, rules and schedules that could not be handled."
        described[f"{FAILED_EVENTS}Url"] = (text, ref(FAILED_EVENTS))
    return described
