"""What there is, with nothing changed by looking."""

from __future__ import annotations

from fastlambda_cli.aws.bucket import Bucket
from fastlambda_cli.aws.drift import drifted
from fastlambda_cli.aws.failures import code_of
from fastlambda_cli.aws.session import Aws, translated
from fastlambda_cli.aws.stacks import Stacks
from fastlambda_cli.deploy.bootstrap import find_bootstrap
from fastlambda_cli.deploy.desired import parsed
from fastlambda_cli.deploy.functions import functions_in
from fastlambda_cli.deploy.model import Release, StackState
from fastlambda_cli.deploy.releases import Releases
from fastlambda_cli.template.function import LIVE


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
    first, *others = functions_in(parsed(stacks.template(stack.id)), stack_name)
    version, weights = _alias(aws, first.name)
    consumers = {other.name: _alias(aws, other.name)[0] for other in others}
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
        consumers={name: found for name, found in consumers.items() if found is not None},
        live=live,
        drifted=drifted(aws, stack_name) if drift else None,
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
