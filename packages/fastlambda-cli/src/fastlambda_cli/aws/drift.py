"""Drift: what of a stack is no longer as its template says, by other hands than CloudFormation's."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from fastlambda_cli.aws.failures import told_of_stack
from fastlambda_cli.aws.session import Aws
from fastlambda_cli.aws.stacks import poll_interval
from fastlambda_cli.errors import StackError

if TYPE_CHECKING:
    from types_boto3_cloudformation.type_defs import DescribeStackResourceDriftsInputTypeDef


def drifted(aws: Aws, stack_name: str, wait: Callable[[float], None] = time.sleep) -> tuple[str, ...]:
    """Have CloudFormation look at every resource of a stack; return the ids of those that differ.

    Args:
        aws: The account and Region.
        stack_name: The stack.
        wait: Waits so many seconds between two looks.

    Raises:
        StackError: CloudFormation cannot find out.
        AwsError: AWS cannot be asked.

    """
    client = aws.client("cloudformation")
    doing = f"look for drift of the stack {stack_name}"
    with told_of_stack(doing):
        detection = client.detect_stack_drift(StackName=stack_name)["StackDriftDetectionId"]
        while True:
            state = client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
            if state["DetectionStatus"] == "DETECTION_COMPLETE":
                return _found(aws, stack_name)
            if state["DetectionStatus"] == "DETECTION_FAILED":
                raise StackError(f"Could not {doing}", why=state.get("DetectionStatusReason", ""))
            wait(poll_interval(aws))


def _found(aws: Aws, stack_name: str) -> tuple[str, ...]:
    client = aws.client("cloudformation")
    asked: DescribeStackResourceDriftsInputTypeDef = {
        "StackName": stack_name,
        "StackResourceDriftStatusFilters": ["MODIFIED", "DELETED"],
    }
    found: list[str] = []
    while True:
        page = client.describe_stack_resource_drifts(**asked)
        found += [drift["LogicalResourceId"] for drift in page["StackResourceDrifts"]]
        if "NextToken" not in page:
            return tuple(sorted(found))
        asked["NextToken"] = page["NextToken"]
