"""What services may bring to functions, queues and topics: the target's own policy says, or the role of a schedule.

ministack's topics, rules, schedules and buckets bring everything to everybody. Services are refused here as on AWS, and
what they were about to bring goes to the dead-letter queue that they have for it, without another attempt: Amazon SNS
Developer Guide, "Amazon SNS dead-letter queues"; Amazon EventBridge User Guide, "Using dead-letter queues to process
undelivered events in EventBridge".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from asking import always_asked  # type: ignore[import-not-found,unused-ignore]
from ministack.core.arn import parse_arn  # type: ignore[import-not-found,unused-ignore]
from ministack.core.responses import (  # type: ignore[import-not-found,unused-ignore]
    error_response_json,
    get_account_id,
    get_region,
)
from ministack.services import (  # type: ignore[import-not-found,unused-ignore]
    eventbridge,
    lambda_svc,
    scheduler,
    sns,
    sqs,
)
from needed import when_needed, when_provisioned  # type: ignore[import-not-found,unused-ignore]
from roles import assumable, role_may, service_may  # type: ignore[import-not-found,unused-ignore]

Tell = Callable[[str], None]

_ACTIONS = {
    "lambda": "lambda:InvokeFunction",
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "events": "events:PutEvents",
    "states": "states:StartExecution",
}
"""What a target of an EventBridge schedule takes (EventBridge Scheduler User Guide, "Using templated targets")."""
_ASSUMED = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
"""As aws/aws-sdk-js-v3#6494 quotes it."""


class _Brought(NamedTuple):
    """What a rule or a schedule brings to its target."""

    target: Mapping[str, Any]
    event: Mapping[str, Any]
    source: Mapping[str, Any]

    @property
    def of_schedule(self) -> bool:
        return ":scheduler:" in str(self.source.get("Arn", ""))


def ask_targets(tell: Tell) -> None:
    """Have services ask what they bring something to; `tell` takes a line for the user, once for each refusal."""
    once = _once(tell)
    sqs.queue_policy_allows = always_asked(sqs.queue_policy_allows)
    sns.topic_policy_allows = always_asked(sns.topic_policy_allows)
    sns._deliver_to_lambda = _from_topic(sns._deliver_to_lambda, _function_takes, once)  # noqa: SLF001
    sns._deliver_to_sqs = _from_topic(sns._deliver_to_sqs, _queue_takes, once)  # noqa: SLF001
    eventbridge._invoke_target = _from_rule(eventbridge._invoke_target, once)  # noqa: SLF001
    for name in ("_create_schedule", "_update_schedule"):
        setattr(scheduler, name, _of_role(getattr(scheduler, name)))
    when_provisioned("AWS::Scheduler::Schedule", _provisioned)
    when_needed("s3", lambda s3: _change_buckets(s3, once))


def dead_letter(topic: str, subscription: str, envelope: str) -> None:
    """Put a message of a topic into the subscription's dead-letter queue, if it has one that takes it."""
    found = sns._topic_by_arn_any_scope(topic) or {"subscriptions": []}  # noqa: SLF001
    for candidate in found["subscriptions"]:
        policy = candidate.get("attributes", {}).get("RedrivePolicy")
        if candidate["arn"] == subscription and policy:
            queue = json.loads(policy)["deadLetterTargetArn"]
            sns._deliver_to_sqs(queue, envelope, False, envelope, topic_arn=topic)  # noqa: FBT003, SLF001


def _once(tell: Tell) -> Tell:
    told: set[str] = set()

    def telling(line: str) -> None:
        if line not in told:
            told.add(line)
            tell(line)

    return telling


def _function_takes(function: str, service: str, source: str) -> bool:
    """Whether a function's policy lets a service invoke it; true of one that only the front door knows."""
    found, _, _ = lambda_svc._get_func_record_for_ref(function)  # noqa: SLF001
    if found is None:
        return True
    policy = lambda_svc._functions[found["config"]["FunctionName"]]["policy"]  # noqa: SLF001
    return bool(service_may(service, "lambda:InvokeFunction", function, policy, source))


def _queue_takes(queue: str, service: str, source: str) -> bool:
    """Whether a queue's policy lets a service send to it; true of one that is not there."""
    there = sqs._queue_by_arn(queue) is not None  # noqa: SLF001
    return not there or bool(sqs.queue_policy_allows(queue, service, source, _account(source, queue)))


def _topic_takes(topic: str, service: str, source: str) -> bool:
    # A topic's first policy is about aws:SourceOwner, which EventBridge does not tell (Amazon EventBridge User Guide,
    # "Using resource-based policies for Amazon EventBridge").
    found = sns._topic_by_arn_any_scope(topic)  # noqa: SLF001
    policy = json.loads(found["attributes"].get("Policy") or "{}") if found else {}
    return found is None or bool(service_may(service, "sns:Publish", topic, policy, source))


_TAKES = {"lambda": _function_takes, "sqs": _queue_takes, "sns": _topic_takes}
"""Who asks the targets of a rule that have a policy of their own."""


def _account(source: str, target: str) -> str:
    """The account of what brings something; of a bucket, whose ARN has none, the target's."""
    return source.split(":")[4] or target.split(":")[4]


def _from_topic(deliver: Any, takes: Callable[[str, str, str], bool], tell: Tell) -> Any:
    """Put a message into the subscription's dead-letter queue that its endpoint does not take from the topic."""

    def delivered(endpoint: str, envelope: str, *rest: Any, **named: Any) -> Any:
        topic = str(named.get("topic_arn") or (rest[0] if rest else ""))
        if not topic.startswith("arn:") or takes(endpoint, "sns.amazonaws.com", topic):
            return deliver(endpoint, envelope, *rest, **named)
        tell(_refused(endpoint, topic))
        subscription = _subscription(topic, endpoint)
        if subscription:
            dead_letter(topic, subscription, envelope)
        return None

    return delivered


def _subscription(topic: str, endpoint: str) -> str | None:
    found = sns._topic_by_arn_any_scope(topic) or {"subscriptions": []}  # noqa: SLF001
    return next((each["arn"] for each in found["subscriptions"] if each.get("endpoint") == endpoint), None)


def _from_rule(invoke: Any, tell: Tell) -> Any:
    def invoked(target: Mapping[str, Any], event: Mapping[str, Any], source: Mapping[str, Any], *rest: Any) -> Any:
        brought = _Brought(target, event, source)
        problem = _of_schedule(brought) if brought.of_schedule else _of_rule(brought)
        if problem is None:
            return invoke(target, event, source, *rest)
        tell(problem)
        _undelivered(brought, problem)
        return None

    return invoked


def _of_rule(brought: _Brought) -> str | None:
    arn, source = str(brought.target.get("Arn", "")), str(brought.source.get("Arn", ""))
    takes = _TAKES.get(arn.split(":")[2] if arn.count(":") > 1 else "")
    if takes is None or not source or takes(arn, "events.amazonaws.com", source):
        return None
    return _refused(arn, source)


def _of_schedule(brought: _Brought) -> str | None:
    arn, source = str(brought.target.get("Arn", "")), str(brought.source["Arn"])
    role = str(brought.target.get("RoleArn", ""))
    action = _ACTIONS.get(arn.split(":")[2] if arn.count(":") > 1 else "")
    if action is None or (_assumes(role, brought.source.get("GroupName")) and role_may(role, action, arn)):
        return None
    return f"{arn} got nothing from {source}, here as on AWS: the schedule's role {role} does not allow {action} on it"


def _undelivered(brought: _Brought, problem: str) -> None:
    queue = str((brought.target.get("DeadLetterConfig") or {}).get("Arn", ""))
    source = str(brought.source.get("Arn", ""))
    if not queue or sqs._queue_by_arn(queue) is None:  # noqa: SLF001
        return
    if brought.of_schedule:
        taken = role_may(str(brought.target.get("RoleArn", "")), "sqs:SendMessage", queue)
    else:
        taken = _queue_takes(queue, "events.amazonaws.com", source)
    if not taken:
        return
    # The event itself, whatever the target would have been given of it.
    body = json.dumps(eventbridge._pattern_event_view(brought.event).event_with_detail())  # noqa: SLF001
    eventbridge._dispatch_to_sqs(parse_arn(queue), body, {})  # noqa: SLF001
    attributes = {
        "SCHEDULE_ARN" if brought.of_schedule else "RULE_ARN": source,
        "TARGET_ARN": str(brought.target.get("Arn", "")),
        "ERROR_CODE": "NO_PERMISSIONS",
        "ERROR_MESSAGE": problem,
    }
    message = sqs._queue_by_arn(queue)["messages"][-1]  # noqa: SLF001
    message["message_attributes"] = {
        name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
    }
    message["md5_attrs"] = sqs._md5_msg_attrs(message["message_attributes"])  # noqa: SLF001


def _of_role(put: Any) -> Any:
    """Refuse a schedule whose role EventBridge Scheduler cannot assume."""

    def checked(*arguments: Any) -> Any:
        asked = next((each for each in reversed(arguments) if isinstance(each, dict)), {})
        role = str((asked.get("Target") or {}).get("RoleArn", ""))
        if role and not _assumes(role, asked.get("GroupName")):
            return error_response_json("ValidationException", _ASSUMED, 400)
        return put(*arguments)

    return checked


def _assumes(role: str, group: object) -> bool:
    """Whether EventBridge Scheduler may assume a role for a group of schedules.

    It tells the group and never a schedule (EventBridge Scheduler User Guide, "Confused deputy prevention").
    """
    source = f"arn:aws:scheduler:{get_region()}:{get_account_id()}:schedule-group/{group or 'default'}"
    return bool(assumable(role, "scheduler.amazonaws.com", source))


def _provisioned(create: Any) -> Any:
    def created(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> Any:
        role = str((properties.get("Target") or {}).get("RoleArn", ""))
        if not _assumes(role, properties.get("GroupName")):
            raise ValueError(_ASSUMED)
        return create(logical_id, properties, stack_name)

    return created


def _change_buckets(s3: Any, tell: Tell) -> None:
    deliver, check = s3._deliver_event_to_lambda, s3._validate_notification_configs  # noqa: SLF001

    def delivered(arn: str, event: Mapping[str, Any], region: str) -> None:
        bucket = event["Records"][0]["s3"]["bucket"]["arn"]
        if _function_takes(arn, "s3.amazonaws.com", bucket):
            deliver(arn, event, region)
        else:
            tell(_refused(arn, bucket))

    def checked(configs: list[dict[str, Any]], region: str, bucket: str = "", skip: bool = False) -> Any:  # noqa: FBT001, FBT002
        problem = check(configs, region, bucket, skip)
        if problem or skip:
            return problem
        source = f"arn:aws:s3:::{bucket}"
        functions = [each["arn"] for each in configs if each["type"] == "lambda"]
        if all(_function_takes(each, "s3.amazonaws.com", source) for each in functions):
            return None
        # Amazon S3 API Reference, "PutBucketNotificationConfiguration".
        told = "Unable to validate the following destination configurations"
        return s3._invalid_notification_config(told)  # noqa: SLF001

    s3._deliver_event_to_lambda, s3._validate_notification_configs = delivered, checked  # noqa: SLF001


def _refused(target: str, source: str) -> str:
    return f"{target} got nothing from {source}, here as on AWS: its policy does not allow it"
