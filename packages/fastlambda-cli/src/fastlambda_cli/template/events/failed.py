"""Where the events of topics, rules and schedules go that were delivered in vain.

These sources invoke the function asynchronously. What they cannot hand over goes to their own dead-letter queue; what
was handed over and failed, retries included, is Lambda's to keep, and only a destination of the alias keeps it. One
queue serves all of them, since that destination is one for the alias, and all functions: what fails tells who failed.
"""

from __future__ import annotations

from typing import Any

from fastlambda_cli.service.events import FAILED_EVENTS as FAILED_EVENTS_NAME
from fastlambda_cli.service.events import RuleSource, TopicSource
from fastlambda_cli.template.events.naming import FAILED_EVENTS, has_asynchronous_sources, sources_of
from fastlambda_cli.template.events.queues import DELETED, RETENTION_OF_THE_DEAD
from fastlambda_cli.template.function import ALIAS, FUNCTION, LIVE
from fastlambda_cli.template.intrinsics import Resource, Resources, get_att, policy, ref, resource, statement
from fastlambda_cli.template.stack import FunctionOfStack, Stack

_ATTEMPTS_MORE = 2
_MAX_AGE = 6 * 3600


def failed_resources(stack: Stack) -> Resources:
    """The queue of failed events, who may send to it, and the alias's destination; nothing without such sources."""
    if not has_asynchronous_sources(stack):
        return {}
    senders = _senders(stack)
    queue_policy = {
        f"{FAILED_EVENTS}Policy": resource(
            "AWS::SQS::QueuePolicy", {"Queues": [ref(FAILED_EVENTS)], "PolicyDocument": policy(senders)}
        )
    }
    return {
        FAILED_EVENTS: resource(
            "AWS::SQS::Queue",
            {
                "QueueName": f"{stack.name}-{FAILED_EVENTS_NAME}",
                "SqsManagedSseEnabled": True,
                "MessageRetentionPeriod": RETENTION_OF_THE_DEAD,
                "Tags": stack.tags,
            },
            **DELETED,
        ),
        **(queue_policy if senders else {}),
        **{
            function.id("AsynchronousInvocations"): _invocations(function)
            for function in stack.functions
            if function.has_asynchronous_sources
        },
    }


def _invocations(function: FunctionOfStack) -> Resource:
    return resource(
        "AWS::Lambda::EventInvokeConfig",
        {
            "FunctionName": ref(function.id(FUNCTION)),
            "Qualifier": LIVE,
            "MaximumRetryAttempts": _ATTEMPTS_MORE,
            "MaximumEventAgeInSeconds": _MAX_AGE,
            "DestinationConfig": {"OnFailure": {"Destination": get_att(FAILED_EVENTS, "Arn")}},
        },
        # The qualifier is a plain text that refers to nothing, so the order has to be said.
        DependsOn=function.id(ALIAS),
    )


def _senders(stack: Stack) -> list[dict[str, Any]]:
    """Who may send by the queue's own policy: the sources that do it with no role."""
    topics = [source.arn or ref(logical_id) for logical_id, source in sources_of(stack, TopicSource).items()]
    rules = [get_att(logical_id, "Arn") for logical_id in sources_of(stack, RuleSource)]
    return [
        statement(
            sid,
            ["sqs:SendMessage"],
            get_att(FAILED_EVENTS, "Arn"),
            Principal={"Service": f"{service}.amazonaws.com"},
            Condition={"ArnEquals": {"aws:SourceArn": arns}},
        )
        for sid, service, arns in (("Topics", "sns", topics), ("Rules", "events", rules))
        if arns
    ]
