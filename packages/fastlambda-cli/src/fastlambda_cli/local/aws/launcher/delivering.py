"""What services may bring to functions, queues and topics: the target's own policy says, or the role of a schedule.

ministack's topics, rules, schedules and buckets bring everything to everybody, and forget what finds nobody. Services
are refused here as on AWS, and what they were about to bring goes to the dead-letter queue that they have for it,
without another attempt: Amazon SNS Developer Guide, "Amazon SNS dead-letter queues"; see `undelivered` for rules and
schedules.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from asking import always_asked  # type: ignore[import-not-found,unused-ignore]
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
from roles import assumable, role_may, service_may, session_of  # type: ignore[import-not-found,unused-ignore]
from undelivered import Brought, Failure, brought, failing  # type: ignore[import-not-found,unused-ignore]

Tell = Callable[[str], None]

_ACTIONS = {
    "lambda": "lambda:InvokeFunction",
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "events": "events:PutEvents",
    "states": "states:StartExecution",
}
"""What a target of an EventBridge schedule takes (EventBridge Scheduler User Guide, "Using templated targets")."""
_DENIED = {"sqs": "AccessDenied", "sns": "AuthorizationError"}
"""The codes of services that do not deny by AccessDeniedException."""
_ASSUMED = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
"""As aws/aws-sdk-js-v3#6494 quotes it."""


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
        bringing = brought(target, event, source)

        def missing(failure: Failure) -> None:
            tell(f"{bringing.arn} got nothing from {bringing.source_arn}, here as on AWS: it is not there")
            _undelivered(bringing, failure)

        refused = _refusal_of_schedule(bringing) if bringing.of_schedule else _refusal_of_rule(bringing)
        if refused is not None:
            why, failure = refused
            tell(why)
            _undelivered(bringing, failure)
        elif (nobody := bringing.missing()) is not None:
            missing(nobody)
        else:
            token = failing.set(missing)
            try:
                return invoke(bringing.target, event, source, *rest)
            finally:
                failing.reset(token)
        return None

    return invoked


def _refusal_of_rule(bringing: Brought) -> tuple[str, Failure] | None:
    """Why a target does not take something from a rule: for the user, and for its dead-letter queue."""
    takes, source = _TAKES.get(bringing.service), bringing.source_arn
    if takes is None or not source or takes(bringing.arn, "events.amazonaws.com", source):
        return None
    why = _refused(bringing.arn, source)
    return why, Failure("NO_PERMISSIONS", "", why)


def _refusal_of_schedule(bringing: Brought) -> tuple[str, Failure] | None:
    role, action = str(bringing.target.get("RoleArn", "")), _ACTIONS.get(bringing.service)
    allowed = action is None or (
        _assumes(role, bringing.source.get("GroupName")) and role_may(role, action, bringing.arn)
    )
    if allowed:
        return None
    why = (
        f"{bringing.arn} got nothing from {bringing.source_arn}, here as on AWS: "
        f"the schedule's role {role} does not allow {action} on it"
    )
    told = (
        f"User: {session_of(role, bringing.execution)} is not authorized to perform: {action} "
        f"on resource: {bringing.arn} because no identity-based policy allows the {action} action"
    )
    return why, Failure("", _DENIED.get(bringing.service, "AccessDeniedException"), told)


def _undelivered(bringing: Brought, failure: Failure) -> None:
    queue = bringing.dead_letters
    if not queue or sqs._queue_by_arn(queue) is None:  # noqa: SLF001
        return
    if bringing.of_schedule:
        taken = role_may(str(bringing.target.get("RoleArn", "")), "sqs:SendMessage", queue)
    else:
        taken = _queue_takes(queue, "events.amazonaws.com", bringing.source_arn)
    if taken:
        bringing.put_away(failure)


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
