"""What a deployment would do, worked out by CloudFormation and told as a plan."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastlambda_cli.aws.model import ChangeSet, Stack
from fastlambda_cli.aws.session import Aws
from fastlambda_cli.aws.stacks import Stacks
from fastlambda_cli.deploy.desired import Desired, Standing, package_type
from fastlambda_cli.deploy.model import Plan, Release, ResourceChange
from fastlambda_cli.deploy.owner import check_owner
from fastlambda_cli.deploy.permissions import permission_changes
from fastlambda_cli.deploy.proposal import changes_of_creation, publishes_version, resource_changes
from fastlambda_cli.deploy.recovery import remains
from fastlambda_cli.deploy.traffic import Traffic
from fastlambda_cli.errors import PackageTypeError, StackError
from fastlambda_cli.template.function import LIVE

_IN_WORDS = {"Zip": "a zip", "Image": "a container image"}


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change of a stack that nobody has agreed to yet.

    Attributes:
        desired: What the stack is to be.
        before: The stack as it stands; None when there is none that serves anybody.
        change_set: What CloudFormation would do; None when a failed stack has to be cleared away before it can say, or
            the bucket is to be made that it would read a long template from.
        changes: The same, as it is told.

    """

    desired: Desired
    before: Standing | None
    change_set: ChangeSet | None
    changes: tuple[ResourceChange, ...]

    @property
    def publishes(self) -> bool:
        """Whether traffic moves to a version that has not had it before."""
        return self.before is not None and (self.before.pinned or publishes_version(self.changes))

    def only_unpins(self, live: Release) -> bool:
        """Whether the live release is just what is wanted, and the stack is pinned to the version that it has."""
        before, desired = self.before, self.desired
        if before is None or not before.pinned or before.versions != live.versions(desired.stack_name):
            return False
        template = hashlib.sha256(desired.template.encode()).hexdigest()
        return live.template_sha256 == template and live.parameters == desired.parameters == before.parameters

    def plan(self, aws: Aws) -> Plan:
        """Tell the changes and the permissions; what else a plan holds is the caller's."""
        before = self.before
        permissions = permission_changes(
            before.document if before else None,
            self.desired.document,
            known_before=_known(aws, before.stack.name, before.parameters) if before else {},
            known_after=_known(aws, self.desired.stack_name, self.desired.parameters),
        )
        return Plan(
            stack_name=self.desired.stack_name,
            creates=before is None,
            changes=self.changes,
            permissions=permissions if self.changes else (),
            publishes=self.publishes and bool(self.changes),
        )


def propose(traffic: Traffic, desired: Desired, stack: Stack | None, before: Standing | None) -> Proposal:
    """Have CloudFormation work out the changes.

    Args:
        traffic: Asks CloudFormation.
        desired: What the stack is to be.
        stack: What there is of that name.
        before: The same, if it serves anybody.

    Raises:
        StackError: CloudFormation does not accept the template or its parameters, the alias was deleted by hand, or the
            stack is another service's.
        PackageTypeError: The function is a zip and is to be an image, or the other way round.

    """
    if remains(stack) or (before is None and not traffic.can_propose(desired)):
        return Proposal(desired, before, None, changes_of_creation(desired.document))
    if before is not None:
        check_owner(f"The stack {desired.stack_name}", before.document, str(desired.document.get("Description", "")))
        _check_package_type(before, desired)
    gone = next((name for name, version in before.versions.items() if version is None), None) if before else None
    if gone is not None:
        raise StackError(
            f"The alias {LIVE} of {gone} is gone, or the whole function is",
            why="other hands than CloudFormation's deleted it, and an update cannot bring it back",
            remedy="`fastlambda status --drift` shows what differs. Destroy the stack and deploy anew: logs, secrets "
            "and releases stay.",
        )
    change_set = traffic.propose(desired)
    return Proposal(desired, before, change_set, resource_changes(change_set.changes, desired.document["Resources"]))


def _check_package_type(before: Standing, desired: Desired) -> None:
    """Refuse to make an image of a function that is a zip, or the other way round.

    Lambda changes no function's PackageType, and CloudFormation replaces none that has a name of its own (AWS
    CloudFormation Template Reference, "AWS::Lambda::Function"): it would fail halfway. A function of another name would
    have another log, other alarms and no earlier versions, and could not take the API over without an interruption.
    """
    now, wanted = package_type(before.document), package_type(desired.document)
    if now != wanted:
        raise PackageTypeError(
            f"The function {desired.stack_name} cannot become {_IN_WORDS[wanted]}",
            why=f"it is {_IN_WORDS[now]}, and Lambda changes the package type of no function",
            remedy="Deploy it to another stage, and send traffic there; or destroy this stack and deploy anew, which "
            "gives it another URL: logs, secrets and releases stay.",
        )


def discard(stacks: Stacks, proposal: Proposal) -> None:
    """Leave nothing behind of a proposal that was not executed."""
    if proposal.change_set is not None and proposal.change_set.changes:
        stacks.discard(proposal.change_set)


def _known(aws: Aws, stack_name: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    return {
        **parameters,
        "AWS::AccountId": aws.account,
        "AWS::Partition": aws.caller.split(":")[1],
        "AWS::Region": aws.region,
        "AWS::StackName": stack_name,
    }
