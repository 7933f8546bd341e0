"""The stack `fastlambda-bootstrap`: made once for an account and Region, updated when it is older than we are."""

from __future__ import annotations

import json
from dataclasses import dataclass

from fastlambda_cli.aws.model import Stack
from fastlambda_cli.aws.session import Aws
from fastlambda_cli.aws.stacks import ChangeRequest, Stacks
from fastlambda_cli.deploy.bootstrap_template import (
    BUCKET_OUTPUT,
    REPOSITORY_OUTPUT,
    VERSION,
    VERSION_OUTPUT,
    bootstrap_template,
)
from fastlambda_cli.deploy.execution import carry_out, execute
from fastlambda_cli.deploy.model import Remark, Step, Tell
from fastlambda_cli.deploy.rootcause import failure
from fastlambda_cli.errors import BootstrapError, OvertakenError, StackError

STACK_NAME = "fastlambda-bootstrap"

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Where artifacts go.

    Attributes:
        bucket: The name of the bucket for zips, templates and releases.
        repository_uri: The repository for images.
        version: Of the stack's template.

    """

    bucket: str
    repository_uri: str
    version: int


def find_bootstrap(stacks: Stacks) -> Bootstrap | None:
    """Look at the account's bootstrap, of an older version too; None when there is none that can be used.

    Raises:
        BootstrapError: It was made by a newer version of this command, or something else has its name.
        AwsError: AWS cannot be asked.

    """
    stack = stacks.describe(STACK_NAME)
    if stack is None or stack.busy or stack.only_planned or stack.half_made:
        return None
    return _read(stack)


def ensure_bootstrap(aws: Aws, tell: Tell, stacks: Stacks | None = None) -> Bootstrap:
    """Make the stack if it is not there, and update it if an older version of this command made it.

    Two people who do so at once get one stack: the second follows the first.

    Args:
        aws: The account and Region.
        tell: Is told what is made before it is made, and every event.
        stacks: CloudFormation, where it is to be asked otherwise than by default.

    Raises:
        BootstrapError: A newer version made it, something else has its name, or it is stuck.
        StackError: CloudFormation could not make or update it; what was there stays.
        AwsError: AWS cannot be asked.

    """
    stacks = stacks or Stacks(aws)
    for tries_left in reversed(range(_TRIES)):
        stack = _settled(stacks, tell)
        if stack is not None and stack.half_made:
            _clear(stacks, stack, tell)
            stack = None
        found = _read(stack) if stack is not None and not stack.only_planned else None
        if stack is not None and found is not None and found.version == VERSION:
            if not stack.protected:
                stacks.protect(STACK_NAME, enabled=True)
            return found
        try:
            _make(aws, stacks, tell, stack, older=found)
        except OvertakenError:
            if not tries_left:
                raise
    raise BootstrapError(
        f"The stack {STACK_NAME} is not what it was just made",
        why="somebody else keeps changing it",
        remedy="Deploy again when they have finished.",
    )


def _settled(stacks: Stacks, tell: Tell) -> Stack | None:
    stack = stacks.describe(STACK_NAME)
    if stack is None or not stack.busy:
        return stack
    tell(Remark(f"Somebody else is at work on the stack {STACK_NAME}: waiting for it."))
    return stacks.settle(STACK_NAME, tell)


def _clear(stacks: Stacks, stack: Stack, tell: Tell) -> None:
    """Delete what a failed attempt left, which CloudFormation can only delete."""
    tell(Remark(f"An earlier attempt to make the stack {STACK_NAME} failed: deleting what it left."))
    ended, events = carry_out(stacks, stack.id, lambda: stacks.delete(stack.id), tell)
    if ended.status != "DELETE_COMPLETE":
        raise failure(ended, events)


def _make(aws: Aws, stacks: Stacks, tell: Tell, before: Stack | None, *, older: Bootstrap | None) -> None:
    where = "the local AWS" if aws.is_local else f"account {aws.account}, {aws.region}"
    if older is None:
        tell(
            Remark(
                f"The first deployment to {where}: makes the stack {STACK_NAME}, a private bucket for artifacts "
                "and a repository for images."
            )
        )
        tell(Step(f"Making the stack {STACK_NAME}"))
    else:
        tell(Remark(f"Updates the stack {STACK_NAME} of {where} from version {older.version} to {VERSION}."))
        tell(Step(f"Updating the stack {STACK_NAME}"))
    template = json.dumps(bootstrap_template(), indent=2)
    stack_id = before.id if before else None
    try:
        change_set = stacks.create_change_set(ChangeRequest(STACK_NAME, template, tags={"fastlambda": "bootstrap"}))
        stack_id = change_set.stack_id
        if change_set.changes:
            execute(stacks, change_set, tell)
    except StackError as error:
        now = stacks.describe(STACK_NAME)
        if now is None or (now.id == stack_id and not now.busy):
            raise
        # The name is another stack's by now, or somebody else is at work on this one.
        raise OvertakenError(error.what, why=error.why, remedy="Deploy again.") from error


def _read(stack: Stack) -> Bootstrap:
    if stack.status.endswith("_FAILED"):
        raise BootstrapError(
            f"The stack {STACK_NAME} is stuck in {stack.status}",
            why=stack.reason,
            remedy=f"Repair it in CloudFormation's console, then deploy again. {_how_out(stack)}".rstrip(),
        )
    outputs = stack.outputs
    version = outputs.get(VERSION_OUTPUT, "")
    if not {BUCKET_OUTPUT, REPOSITORY_OUTPUT} <= outputs.keys() or not version.isdecimal():
        raise BootstrapError(
            f"The stack {STACK_NAME} is not one that this command made",
            why=f"it lacks the outputs {BUCKET_OUTPUT}, {REPOSITORY_OUTPUT} or {VERSION_OUTPUT}",
            remedy="Delete or rename whatever it is, or deploy to another account or Region.",
        )
    if int(version) > VERSION:
        raise BootstrapError(
            f"The stack {STACK_NAME} has version {version}, and this command knows versions up to {VERSION}",
            why="somebody deployed here with a newer fastlambda",
            remedy="Upgrade this one: uv lock --upgrade-package fastlambda-cli.",
        )
    return Bootstrap(outputs[BUCKET_OUTPUT], outputs[REPOSITORY_OUTPUT], int(version))


def _how_out(stack: Stack) -> str:
    if stack.status == "UPDATE_ROLLBACK_FAILED":
        return f"Often this is enough: aws cloudformation continue-update-rollback --stack-name {STACK_NAME}"
    return ""
