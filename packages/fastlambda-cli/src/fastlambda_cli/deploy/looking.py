"""What there is, with nothing changed by looking."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from fastlambda_cli.aws.bucket import Bucket
from fastlambda_cli.aws.failures import code_of
from fastlambda_cli.aws.session import Aws, translated
from fastlambda_cli.aws.stacks import Stacks
from fastlambda_cli.deploy.bootstrap import find_bootstrap
from fastlambda_cli.deploy.model import Release, StackState
from fastlambda_cli.deploy.releases import Releases
from fastlambda_cli.errors import StackError
from fastlambda_cli.template.function import LIVE

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.literals import StackResourceDriftStatusType
    from types_boto3_cloudformation.type_defs import DescribeStackResourceDriftsOutputTypeDef

_DRIFTED: Sequence[StackResourceDriftStatusType] = ("MODIFIED", "DELETED")
_LOOK_S = 2.0
_LOCAL_LOOK_S = 0.05


def status(aws: Aws, stack_name: str, *, drift: bool = False) -> StackState:
    """Look at a stack and at what is live in it.

    Args:
        aws: Where.
        stack_name: The stack.
        drift: Whether CloudFormation is to compare every resource with the template, which takes it some time.

    Raises:
        StackError: CloudFormation could not look for drift.
        AwsError: AWS cannot be asked.

    """
    stacks = Stacks(aws)
    stack = stacks.describe(stack_name)
    if stack is None or stack.only_planned:
        return StackState(stack_name, None)
    version, weights = _alias(aws, stack_name)
    bootstrap = find_bootstrap(stacks)
    live = Releases(Bucket(aws, bootstrap.bucket), stack_name, aws).live() if bootstrap else None
    return StackState(
        name=stack_name,
        status=stack.status,
        updated=stack.updated,
        reason=stack.reason,
        outputs=stack.outputs,
        version=version,
        weights=weights,
        live=live,
        drifted=_drifted(aws, stack_name, time.sleep) if drift else None,
    )


def releases(aws: Aws, stack_name: str) -> tuple[Release, ...]:
    """Every release of a stack that is kept, the newest first; none where nothing was ever deployed.

    Raises:
        ReleaseError: A record cannot be read.
        AwsError: AWS cannot be asked.

    """
    bootstrap = find_bootstrap(Stacks(aws))
    return Releases(Bucket(aws, bootstrap.bucket), stack_name, aws).list() if bootstrap else ()


def _alias(aws: Aws, function: str) -> tuple[str | None, dict[str, float]]:
    """The version behind the alias `live`, and what share other versions have."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    with translated(f"look at the alias {LIVE} of {function}"):
        try:
            alias = aws.client("lambda").get_alias(FunctionName=function, Name=LIVE)
        except ClientError as problem:
            if code_of(problem) == "ResourceNotFoundException":
                return None, {}
            raise
    return alias["FunctionVersion"], dict(alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}))


def _drifted(aws: Aws, stack_name: str, wait: Callable[[float], None]) -> tuple[str, ...]:
    """The logical ids of resources that are not as the template has them, sorted."""
    client = aws.client("cloudformation")
    with translated(f"look for drift of the stack {stack_name}"):
        detection = client.detect_stack_drift(StackName=stack_name)["StackDriftDetectionId"]
        _detected(client, detection, stack_name, lambda: wait(_LOCAL_LOOK_S if aws.is_local else _LOOK_S))
        pages = _pages(client, stack_name)
        found = [drift["LogicalResourceId"] for page in pages for drift in page["StackResourceDrifts"]]
    return tuple(sorted(found))


def _pages(client: CloudFormationClient, stack_name: str) -> Iterator[DescribeStackResourceDriftsOutputTypeDef]:
    page = client.describe_stack_resource_drifts(StackName=stack_name, StackResourceDriftStatusFilters=_DRIFTED)
    yield page
    while token := page.get("NextToken"):
        page = client.describe_stack_resource_drifts(
            StackName=stack_name, StackResourceDriftStatusFilters=_DRIFTED, NextToken=token
        )
        yield page


def _detected(client: CloudFormationClient, detection: str, stack_name: str, wait: Callable[[], None]) -> None:
    while True:
        answer = client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        if answer["DetectionStatus"] == "DETECTION_COMPLETE":
            return
        if answer["DetectionStatus"] == "DETECTION_FAILED":
            raise StackError(
                f"CloudFormation could not look for drift of the stack {stack_name}",
                why=answer.get("DetectionStatusReason", "it gives no reason"),
                remedy="It looks only at stacks at rest, and needs to read every resource in them.",
            )
        wait()
