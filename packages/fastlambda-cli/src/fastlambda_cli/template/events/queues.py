"""Queues whose messages a function handles, each with its dead-letter queue."""

from __future__ import annotations

import json
from typing import Any

from fastlambda_cli.service.events import QueueSource, dead_letters_name, deployed_name
from fastlambda_cli.template.events.naming import fitting, sources_of, topic_id
from fastlambda_cli.template.function import ALIAS
from fastlambda_cli.template.intrinsics import Resource, Resources, arn, get_att, policy, ref, resource, statement
from fastlambda_cli.template.stack import Stack

DEAD_LETTERS = "DeadLetters"
"""What follows a queue's logical id in that of its dead-letter queue."""

_RETENTION = 4 * 24 * 3600
RETENTION_OF_THE_DEAD = 14 * 24 * 3600
"""Seconds that dead letters are kept since they were sent: the longest that SQS keeps a message."""

DELETED = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}
"""Attributes of a queue. One that stayed would be in the way of the next of its name: a change set takes over what has
its own name for an identifier, and a queue has its URL."""

_TIMEOUTS = 6
_MAX_NAME = 80

_LEAST_CONCURRENCY = 2
_MOST_CONCURRENCY = 1000
"""What ScalingConfig takes (AWS Lambda API Reference, "ScalingConfig")."""


def queue_resources(stack: Stack) -> Resources:
    """The queues with their dead-letter queues, and the event source mappings of all that are consumed."""
    found: Resources = {}
    for logical_id, source in sources_of(stack, QueueSource).items():
        if source.arn is None:
            found[logical_id] = _queue(stack, logical_id, source)
            found[f"{logical_id}{DEAD_LETTERS}"] = _dead_letters(stack, source)
        if source.topic is not None:
            found |= _subscription(logical_id, source, source.topic_arn or ref(topic_id(source.topic)))
        found[f"{logical_id}Mapping"] = _mapping(stack, logical_id, source)
    return found


def made_queues(stack: Stack) -> dict[str, QueueSource]:
    """The queues that the stack makes, by logical id."""
    found = sources_of(stack, QueueSource)
    return {logical_id: source for logical_id, source in found.items() if source.arn is None}


def visibility_timeout(stack: Stack, source: QueueSource) -> int:
    """Seconds until a message that was not deleted is delivered again.

    Six times the function's timeout, and the time that a batch is gathered (AWS Lambda Developer Guide, "Configuring
    a queue to use with Lambda").
    """
    return _TIMEOUTS * stack.function_of(source).of.timeout + source.window


def _queue(stack: Stack, logical_id: str, source: QueueSource) -> Resource:
    redrive = {
        "deadLetterTargetArn": get_att(f"{logical_id}{DEAD_LETTERS}", "Arn"),
        "maxReceiveCount": source.max_receive_count,
    }
    return resource(
        "AWS::SQS::Queue",
        {
            "QueueName": fitting(deployed_name(source, stack.name), _MAX_NAME, source),
            "FifoQueue": source.fifo or None,
            "SqsManagedSseEnabled": True,
            "MessageRetentionPeriod": _RETENTION,
            "VisibilityTimeout": visibility_timeout(stack, source),
            "RedrivePolicy": redrive,
            "Tags": stack.tags,
        },
        **DELETED,
    )


def _dead_letters(stack: Stack, source: QueueSource) -> Resource:
    name = deployed_name(source, stack.name)
    return resource(
        "AWS::SQS::Queue",
        {
            "QueueName": fitting(dead_letters_name(name), _MAX_NAME, source),
            "FifoQueue": source.fifo or None,
            "SqsManagedSseEnabled": True,
            "MessageRetentionPeriod": RETENTION_OF_THE_DEAD,
            # By name, since the queue itself refers to its dead-letter queue.
            "RedriveAllowPolicy": {"redrivePermission": "byQueue", "sourceQueueArns": [arn("sqs", name)]},
            "Tags": stack.tags,
        },
        **DELETED,
    )


def _subscription(logical_id: str, source: QueueSource, topic_arn: Any) -> Resources:
    """What has a topic send its messages to a queue, in SNS's envelope: the consumer takes them out of it."""
    sends = statement(
        "Topic",
        ["sqs:SendMessage"],
        get_att(logical_id, "Arn"),
        Principal={"Service": "sns.amazonaws.com"},
        Condition={"ArnEquals": {"aws:SourceArn": topic_arn}},
    )
    return {
        f"{logical_id}Policy": resource(
            "AWS::SQS::QueuePolicy", {"Queues": [ref(logical_id)], "PolicyDocument": policy([sends])}
        ),
        f"{logical_id}Subscription": resource(
            "AWS::SNS::Subscription",
            {
                "TopicArn": topic_arn,
                # One that exists may be in another Region.
                "Region": source.topic_arn.split(":")[3] if source.topic_arn is not None else None,
                "Protocol": "sqs",
                "Endpoint": get_att(logical_id, "Arn"),
            },
            # A message that arrives before it would be lost.
            DependsOn=f"{logical_id}Policy",
        ),
    }


def _mapping(stack: Stack, logical_id: str, source: QueueSource) -> Resource:
    patterns = [{"Pattern": json.dumps(pattern, separators=(",", ":"))} for pattern in source.filters]
    limit = _maximum_concurrency(stack, source)
    return resource(
        "AWS::Lambda::EventSourceMapping",
        {
            "EventSourceArn": _arn(logical_id, source),
            "FunctionName": ref(stack.function_of(source).id(ALIAS)),
            "Enabled": source.enabled,
            "BatchSize": source.batch_size,
            "MaximumBatchingWindowInSeconds": source.window or None,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": {"MaximumConcurrency": limit} if limit is not None else None,
            "FilterCriteria": {"Filters": patterns} if patterns else None,
            "Tags": stack.tags,
        },
    )


def _maximum_concurrency(stack: Stack, source: QueueSource) -> int | None:
    """How many environments a queue may occupy.

    What is reserved for a function that only consumes is shared by those of its queues that say nothing themselves.
    Lambda would take more messages off a queue than the function can run, and each that it puts back for that is one
    delivery nearer to the dead letters (AWS Lambda Developer Guide, "Configuring scaling behavior for SQS event source
    mappings").
    """
    function = stack.function_of(source).of
    if source.maximum_concurrency is not None or function.name is None or not function.reserved:
        return source.maximum_concurrency
    limits = [one.maximum_concurrency for one in function.sources if isinstance(one, QueueSource)]
    share = (function.reserved - sum(filter(None, limits))) // limits.count(None)
    return min(max(share, _LEAST_CONCURRENCY), _MOST_CONCURRENCY)


def _arn(logical_id: str, source: QueueSource) -> Any:
    return source.arn or get_att(logical_id, "Arn")
