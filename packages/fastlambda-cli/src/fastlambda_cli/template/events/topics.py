"""Topics whose messages SNS hands to the alias of a function."""

from __future__ import annotations

from typing import Any

from fastlambda_cli.service.destinations import TopicDestination
from fastlambda_cli.service.events import TopicSource, deployed_name
from fastlambda_cli.template.events.naming import (
    FAILED_EVENTS,
    destinations_of,
    fitting,
    sources_of,
    subscribed_topics,
)
from fastlambda_cli.template.function import ALIAS
from fastlambda_cli.template.intrinsics import Resource, Resources, get_att, ref, resource
from fastlambda_cli.template.stack import Stack

_MAX_NAME = 256


def topic_resources(stack: Stack) -> Resources:
    """The topics, the alias's subscriptions to all that are consumed, and the permissions that these take."""
    found: Resources = {
        logical_id: _topic(stack, fitting(f"{stack.name}-{destination.name}", _MAX_NAME, destination))
        for logical_id, destination in only_published_topics(stack).items()
    }
    for logical_id, name in subscribed_topics(stack).items():
        found[logical_id] = _topic(stack, fitting(f"{stack.name}-{name}", _MAX_NAME, TopicDestination(name=name)))
    for logical_id, source in sources_of(stack, TopicSource).items():
        topic_arn = source.arn or ref(logical_id)
        alias = stack.function_of(source).id(ALIAS)
        if source.arn is None:
            name = fitting(deployed_name(source, stack.name), _MAX_NAME, source)
            found[logical_id] = _topic(stack, name)
        found[f"{logical_id}Permission"] = resource(
            "AWS::Lambda::Permission",
            {
                "Action": "lambda:InvokeFunction",
                "FunctionName": ref(alias),
                "Principal": "sns.amazonaws.com",
                "SourceArn": topic_arn,
            },
        )
        found[f"{logical_id}Subscription"] = _subscription(logical_id, source, topic_arn, alias)
    return found


def made_topics(stack: Stack) -> dict[str, TopicSource]:
    """The topics that the stack makes, by logical id."""
    found = sources_of(stack, TopicSource)
    return {logical_id: source for logical_id, source in found.items() if source.arn is None}


def only_published_topics(stack: Stack) -> dict[str, TopicDestination]:
    """The topics that the stack makes for others to subscribe to, by logical id."""
    consumed = sources_of(stack, TopicSource)
    found = destinations_of(stack, TopicDestination)
    return {
        logical_id: topic for logical_id, topic in found.items() if topic.arn is None and logical_id not in consumed
    }


def _topic(stack: Stack, name: str) -> Resource:
    # Not encrypted with alias/aws/sns: other services could not publish to it (Amazon SNS Developer Guide, "Managing
    # Amazon SNS encryption keys and costs").
    return resource(
        "AWS::SNS::Topic",
        {"TopicName": name, "FifoTopic": name.endswith(".fifo") or None, "Tags": stack.tags},
    )


def _subscription(logical_id: str, source: TopicSource, topic_arn: Any, alias: str) -> Resource:
    return resource(
        "AWS::SNS::Subscription",
        {
            "TopicArn": topic_arn,
            # One that exists may be in another Region.
            "Region": source.arn.split(":")[3] if source.arn is not None else None,
            "Protocol": "lambda",
            "Endpoint": ref(alias),
            "FilterPolicy": source.filter_policy,
            "FilterPolicyScope": source.filter_scope if source.filter_policy is not None else None,
            "RedrivePolicy": {"deadLetterTargetArn": get_att(FAILED_EVENTS, "Arn")},
        },
        # A message that arrives before it would be lost to the dead letters.
        DependsOn=f"{logical_id}Permission",
    )
