"""Have CloudFormation do something, and follow it to its end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from fastlambda_cli.aws.model import STACK_TYPE, ChangeSet, Stack, StackEvent
from fastlambda_cli.aws.stacks import Stacks
from fastlambda_cli.deploy.model import Happening, Remark, Tell
from fastlambda_cli.deploy.proposal import resource_changes
from fastlambda_cli.deploy.rootcause import failure
from fastlambda_cli.errors import AwsError, AwsUnreachableError, CredentialsError, OvertakenError, StackError


def execute(stacks: Stacks, change_set: ChangeSet, tell: Tell) -> Stack:
    """Make a change set's changes.

    Returns:
        The stack, with everything done.

    Raises:
        StackError: CloudFormation could not do it, and says why.
        OvertakenError: The stack has changed since the change set was made, or is changing; nothing was done.
        AwsError: AWS cannot be asked any more; CloudFormation goes on by itself.

    """

    def begin() -> None:
        try:
            stacks.execute(change_set)
        except StackError as error:
            remedy = "Somebody else has deployed since the plan was made: see what is live, then deploy again."
            raise OvertakenError(error.what, why=error.why, remedy=remedy) from error

    told = _of(change_set, tell) if stacks.is_local else tell
    stack, events = carry_out(stacks, change_set.stack_id, begin, told)
    if not stack.succeeded:
        raise failure(stack, events)
    return stack


def _of(change_set: ChangeSet, tell: Tell) -> Tell:
    """Tell of the stack and of what changes in it: the emulator has every other resource updated as well."""
    changed = {change.logical_id for change in resource_changes(change_set.changes, ())}

    def told(event: Happening) -> None:
        if (
            not isinstance(event, StackEvent)
            or event.kind == STACK_TYPE
            or event.logical_id in changed
            or event.status.endswith("_FAILED")
        ):
            tell(event)

    return told


def carry_out(stacks: Stacks, stack_id: str, begin: Callable[[], None], tell: Tell) -> tuple[Stack, list[StackEvent]]:
    """Begin an operation on a stack and follow it; return the stack as it ended, and what happened.

    Args:
        stacks: CloudFormation.
        stack_id: The stack's ARN.
        begin: Has CloudFormation begin.
        tell: Is told every event, and where to look when nobody listens any more.

    """
    happened: list[StackEvent] = []

    def keep(event: StackEvent) -> None:
        happened.append(event)
        tell(event)

    since = stacks.last_event(stack_id)
    begin()
    with _goes_on(tell, local=stacks.is_local):
        return stacks.follow(stack_id, since, keep), happened


def out_of_sight(stacks: Stacks, stack_name: str, error: AwsError) -> bool:
    """Whether, after a failure, what becomes of a stack can be neither seen nor changed from here.

    That is so without network or credentials, and while CloudFormation is still at work on it.
    """
    if isinstance(error, AwsUnreachableError | CredentialsError):
        return True
    try:
        stack = stacks.describe(stack_name)
    except AwsError as second:
        error.add_note(f"How the stack stands is not known: {second.in_one_line()}")
        return True
    return stack is not None and stack.busy


@contextlib.contextmanager
def _goes_on(tell: Tell, *, local: bool) -> Iterator[None]:
    """Say what becomes of an operation that nobody here will see the end of."""
    try:
        yield
    except (KeyboardInterrupt, AwsError):
        # One that was started for this command alone ends with it.
        who = "The AWS on this machine goes on while it runs." if local else "CloudFormation goes on by itself."
        tell(
            Remark(
                f"{who} `fastlambda status` shows how the stack stands, and the next `fastlambda deploy` follows it to "
                "its end before it begins.",
                warning=True,
            )
        )
        raise
