"""Alarms on what clients get (the HTTP API), on what the alias does (Lambda) and on what waits or failed (queues)."""

from __future__ import annotations

from typing import Any

from fastlambda_cli.service.deployment import AlarmsSpec
from fastlambda_cli.template.events.naming import FAILED_EVENTS, has_asynchronous_sources
from fastlambda_cli.template.events.queues import DEAD_LETTERS, made_queues, visibility_timeout
from fastlambda_cli.template.function import FUNCTION, LIVE
from fastlambda_cli.template.http import API
from fastlambda_cli.template.intrinsics import Resource, Resources, get_att, ref, resource, sub
from fastlambda_cli.template.stack import FunctionOfStack, Stack

TOPIC = "AlarmTopic"

API_DIMENSIONS = {"ApiId": ref(API)}


def alias_dimensions(function: str) -> dict[str, Any]:
    """The metrics of a function's alias alone (AWS Lambda Developer Guide, "Types of metrics for Lambda functions").

    Args:
        function: The function's logical id.

    """
    return {"FunctionName": ref(function), "Resource": sub(f"${{{function}}}:{LIVE}")}


ALIAS_DIMENSIONS = alias_dimensions(FUNCTION)

_FIVE_MINUTES = {"Period": 300, "EvaluationPeriods": 1}
_THREE_OF_FIVE = {"Period": 60, "EvaluationPeriods": 5, "DatapointsToAlarm": 3}


def alarm_resources(stack: Stack) -> Resources:
    """The alarms and, for an e-mail address, their topic; nothing when the configuration has no alarms."""
    spec = stack.configuration.alarms
    if spec is None:
        return {}
    api = {"Namespace": "AWS/ApiGateway", "Dimensions": dimensions(API_DIMENSIONS)}
    # The API's 5xx counts the app's answers and the gateway's own, with any handler; the runtime's Faults are by
    # route, and an alarm can add up neither routes nor the results of a search.
    faults = {**api, "MetricName": "5xx", "Statistic": "Sum", "Threshold": spec.faults, **_FIVE_MINUTES}
    latency = {**api, "MetricName": "Latency", "ExtendedStatistic": "p95", "Threshold": spec.latency, **_THREE_OF_FIVE}
    return {
        **_topic(stack, spec),
        "FaultsAlarm": _alarm(stack, "faults", "Clients got answers of 5xx.", faults),
        "LatencyAlarm": _alarm(stack, "latency", "One request in twenty took too long.", latency),
        **function_alarm_resources(stack.api_function),
        **_of_events(stack, spec),
    }


def function_alarm_resources(function: FunctionOfStack) -> Resources:
    """The alarms on what a function's alias does; nothing when the configuration has no alarms."""
    stack = function.stack
    if stack.configuration.alarms is None:
        return {}
    alias = {"Namespace": "AWS/Lambda", "Dimensions": dimensions(alias_dimensions(function.id(FUNCTION)))}
    errors = {**alias, "MetricName": "Errors", "Statistic": "Sum", "Threshold": 1, **_FIVE_MINUTES}
    throttles = {**alias, "MetricName": "Throttles", "Statistic": "Sum", "Threshold": 1, **_FIVE_MINUTES}
    before = "" if function.of.name is None else f"{function.of.name}-"
    failed = "Invocations failed: a crash, a timeout or an INIT."
    refused = "Invocations were refused for lack of concurrency."
    return {
        function.id("ErrorsAlarm"): _alarm(stack, f"{before}errors", failed, errors),
        function.id("ThrottlesAlarm"): _alarm(stack, f"{before}throttles", refused, throttles),
    }


def _of_events(stack: Stack, spec: AlarmsSpec) -> Resources:
    found: Resources = {}
    for logical_id, queue in made_queues(stack).items():
        # By default no sooner than all deliveries of a message can have failed.
        age = spec.message_age or (queue.max_receive_count + 1) * visibility_timeout(stack, queue)
        waited = {**_of_queue(logical_id, "ApproximateAgeOfOldestMessage"), "Threshold": age}
        letters = f"{logical_id}{DEAD_LETTERS}"
        name = queue.name.replace(".", "-")
        found[f"{logical_id}AgeAlarm"] = _alarm(stack, f"{name}-age", "A message has waited too long.", waited)
        found[f"{letters}Alarm"] = _alarm(
            stack, f"{name}-dead-letters", "Messages could not be handled.", _of_dead_letters(letters)
        )
    if has_asynchronous_sources(stack):
        text = "Events of topics, rules or schedules could not be handled."
        failed = _of_dead_letters(FAILED_EVENTS)
        found[f"{FAILED_EVENTS}Alarm"] = _alarm(stack, "failed-events", text, failed)
    return found


def _of_dead_letters(logical_id: str) -> dict[str, Any]:
    return {**_of_queue(logical_id, "ApproximateNumberOfMessagesVisible"), "Threshold": 1}


def _of_queue(logical_id: str, metric: str) -> dict[str, Any]:
    return {
        "Namespace": "AWS/SQS",
        "MetricName": metric,
        "Dimensions": dimensions({"QueueName": get_att(logical_id, "QueueName")}),
        "Statistic": "Maximum",
        **_FIVE_MINUTES,
    }


def _alarm(stack: Stack, name: str, description: str, metric: dict[str, Any]) -> Resource:
    spec = stack.configuration.alarms
    actions = [spec.topic if spec and spec.topic else ref(TOPIC)]
    return resource(
        "AWS::CloudWatch::Alarm",
        {
            "AlarmName": f"{stack.name}-{name}",
            "AlarmDescription": description,
            **metric,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": actions,
            "OKActions": actions,
            "Tags": stack.tags,
        },
    )


def _topic(stack: Stack, spec: AlarmsSpec) -> Resources:
    if spec.email is None:
        return {}
    subscription = {"Protocol": "email", "Endpoint": spec.email}
    return {
        # Not encrypted with alias/aws/sns: CloudWatch may not use that key (Amazon SNS Developer Guide, "Managing
        # Amazon SNS encryption keys and costs"), and an alarm says nothing confidential.
        TOPIC: resource(
            "AWS::SNS::Topic",
            {"TopicName": f"{stack.name}-alarms", "Subscription": [subscription], "Tags": stack.tags},
        )
    }


def dimensions(values: dict[str, Any]) -> list[dict[str, Any]]:
    """A metric's dimensions as CloudFormation takes them."""
    return [{"Name": name, "Value": value} for name, value in values.items()]
