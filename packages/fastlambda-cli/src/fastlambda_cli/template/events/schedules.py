"""Schedules on which EventBridge Scheduler invokes the alias of a function.

Scheduler, and not rules with a schedule: it knows time zones and single moments, takes a million schedules where a bus
takes 300 rules, and AWS recommends it (Amazon EventBridge User Guide, "Creating a rule that runs on a schedule").
"""

from __future__ import annotations

from fastlambda_cli.service.events import ScheduleSource
from fastlambda_cli.template.events.naming import FAILED_EVENTS, sources_of
from fastlambda_cli.template.function import ALIAS
from fastlambda_cli.template.intrinsics import Resource, Resources, arn, get_att, policy, ref, resource, statement
from fastlambda_cli.template.stack import Stack

GROUP = "ScheduleGroup"
ROLE = "ScheduleRole"


def schedule_resources(stack: Stack) -> Resources:
    """The schedules in a group of their own, and the role by which that group may invoke the alias."""
    schedules = sources_of(stack, ScheduleSource)
    if not schedules:
        return {}
    return {
        GROUP: resource("AWS::Scheduler::ScheduleGroup", {"Name": stack.name, "Tags": stack.tags}),
        ROLE: _role(stack),
        **{logical_id: _schedule(stack, source) for logical_id, source in schedules.items()},
    }


def _role(stack: Stack) -> Resource:
    # The group, and never a schedule (EventBridge Scheduler User Guide, "Confused deputy prevention").
    own_group = {
        "StringEquals": {
            "aws:SourceAccount": ref("AWS::AccountId"),
            "aws:SourceArn": arn("scheduler", f"schedule-group/{stack.name}"),
        }
    }
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "scheduler.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": own_group,
    }
    scheduled = {source.function for source in sources_of(stack, ScheduleSource).values()}
    aliases = [ref(function.id(ALIAS)) for function in stack.functions if function.of.name in scheduled]
    statements = [
        statement("Invoke", ["lambda:InvokeFunction"], aliases if len(aliases) > 1 else aliases[0]),
        statement("FailedEvents", ["sqs:SendMessage"], get_att(FAILED_EVENTS, "Arn")),
    ]
    return resource(
        "AWS::IAM::Role",
        {
            "Description": f"How EventBridge Scheduler runs the schedules of {stack.name}.",
            "AssumeRolePolicyDocument": policy([trust]),
            "Policies": [{"PolicyName": "schedules", "PolicyDocument": policy(statements)}],
            "Tags": stack.tags,
        },
    )


def _schedule(stack: Stack, source: ScheduleSource) -> Resource:
    return resource(
        "AWS::Scheduler::Schedule",
        {
            # By this name the runtime knows its consumer again.
            "Name": source.name,
            "GroupName": ref(GROUP),
            "Description": f"Runs {source.consumer}.",
            "ScheduleExpression": source.expression,
            "ScheduleExpressionTimezone": source.timezone,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "State": "ENABLED" if source.enabled else "DISABLED",
            "Target": {
                "Arn": ref(stack.function_of(source).id(ALIAS)),
                "RoleArn": get_att(ROLE, "Arn"),
                "DeadLetterConfig": {"Arn": get_att(FAILED_EVENTS, "Arn")},
            },
        },
    )
