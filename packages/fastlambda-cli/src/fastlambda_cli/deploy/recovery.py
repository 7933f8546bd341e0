"""A stack that somebody, or something, left in the middle: brought to where a deployment can begin."""

from __future__ import annotations

from fastlambda_cli.aws.model import Stack
from fastlambda_cli.aws.stacks import Stacks
from fastlambda_cli.deploy.execution import carry_out
from fastlambda_cli.deploy.model import Remark, Tell
from fastlambda_cli.deploy.rootcause import failure
from fastlambda_cli.errors import StackError

ROLLBACK_FAILED = "UPDATE_ROLLBACK_FAILED"
"""The status of a stack whose rollback failed: all that it takes is that the rollback goes on."""

_DELETE_FAILED = "DELETE_FAILED"


def settled(stacks: Stacks, name: str, tell: Tell) -> Stack | None:
    """Wait for the end of what CloudFormation does to a stack, whoever began it; None when there is no stack then."""
    stack = stacks.describe(name)
    if stack is not None and stack.busy:
        tell(Remark(f"The stack {name} is {stack.status}: following that to its end first."))
        return stacks.settle(name, tell)
    return stack


def rolled_back(stacks: Stacks, stack: Stack | None, tell: Tell) -> Stack | None:
    """Finish a rollback that failed, saying so, since CloudFormation takes no other change before that.

    Raises:
        StackError: It fails again, and says why.

    """
    if stack is None or stack.status != ROLLBACK_FAILED:
        return stack
    tell(Remark(f"The stack {stack.name} is {stack.status}: going on with its rollback."))
    ended, events = carry_out(stacks, stack.id, lambda: stacks.continue_rollback(stack.id), tell)
    if ended.status != ROLLBACK_FAILED:
        return ended
    error = failure(ended, events)
    raise StackError(
        error.what,
        why=error.why,
        remedy="Put that right, or skip the resource: aws cloudformation continue-update-rollback "
        f"--stack-name {stack.name} --resources-to-skip LOGICAL_ID",
    )


def remains(stack: Stack | None) -> bool:
    """Whether a stack is what a failed creation or deletion left: it serves nobody, and can only be deleted."""
    return stack is not None and (stack.half_made or stack.status == _DELETE_FAILED)


def cleared(stacks: Stacks, name: str, tell: Tell) -> None:
    """Delete what a failed creation or deletion left of a stack, saying so.

    Raises:
        StackError: It fails again, and says why.

    """
    stack = stacks.describe(name)
    if stack is not None and remains(stack):
        tell(Remark(f"The stack {name} is {stack.status}: deleting what an earlier failure left of it."))
        deleted(stacks, stack, tell)


def deleted(stacks: Stacks, stack: Stack, tell: Tell) -> None:
    """Delete a stack and follow that to its end.

    Raises:
        StackError: Something of it could not be deleted, or it is protected.

    """
    if stack.protected:
        raise StackError(
            f"The stack {stack.name} is protected from deletion",
            remedy="Lift the protection with: aws cloudformation update-termination-protection "
            f"--stack-name {stack.name} --no-enable-termination-protection",
        )
    ended, events = carry_out(stacks, stack.id, lambda: stacks.delete(stack.id), tell)
    if ended.status != "DELETE_COMPLETE":
        raise failure(ended, events)
