"""CloudFormation: stacks described, changed through change sets, and followed until they have settled."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from fastlambda_cli.aws.failures import OUTDATED, code_of, told_of_stack, translated
from fastlambda_cli.aws.model import STACK_TYPE, ChangeSet, Stack, StackEvent, StackResource
from fastlambda_cli.aws.session import Aws
from fastlambda_cli.errors import AwsError, StackError, ThrottledByAwsError

if TYPE_CHECKING:
    from types_boto3_cloudformation.literals import CapabilityType
    from types_boto3_cloudformation.type_defs import (
        CreateChangeSetInputTypeDef,
        DescribeChangeSetOutputTypeDef,
        StackTypeDef,
    )
    from types_boto3_cloudformation.type_defs import OperationEventTypeDef as _OperationEvent
    from types_boto3_cloudformation.type_defs import StackEventTypeDef as _Event

Tell: TypeAlias = Callable[[StackEvent], None]
Wait: TypeAlias = Callable[[float], None]

MAX_TEMPLATE_BODY = 51_200
"""Bytes of a template in a request; a longer one is read from S3 (AWS CloudFormation User Guide, "Quotas")."""

_POLL_S = 2.0
_LOCAL_POLL_S = 0.05
_SLOWEST_POLL_S = 30.0

_HOOK_FAILURES = frozenset({"HOOK_COMPLETE_FAILED", "HOOK_FAILED"})
_EARLY_VALIDATION = "DescribeEvents"
"""Where CloudFormation sends whoever wants to know why it did not accept a change set (AWS CloudFormation User Guide,
"Validate stack deployments")."""

_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """What a stack is to become.

    Attributes:
        stack_name: The stack, which need not exist.
        template: The template as JSON or YAML text.
        template_url: Where the same text is in S3; needed when it is longer than MAX_TEMPLATE_BODY.
        parameters: By name, every one of the template's that has no default.
        tags: Of the stack and everything in it that takes tags; without any, the stack keeps those that it has.
        capabilities: What the template may do that has to be allowed.

    """

    stack_name: str
    template: str
    template_url: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    capabilities: Sequence[CapabilityType] = ("CAPABILITY_IAM",)


class Stacks:
    """CloudFormation's stacks.

    Every method raises AwsError for what AWS says of the caller, the network and itself, and StackError for what
    CloudFormation says of the stack.

    Args:
        aws: The account and Region.
        wait: Waits so many seconds between two looks.

    """

    def __init__(self, aws: Aws, wait: Wait = time.sleep) -> None:
        self._aws = aws
        self._client = aws.client("cloudformation")
        self._wait = wait

    @property
    def is_local(self) -> bool:
        """Whether CloudFormation is that of the AWS on this machine."""
        return self._aws.is_local

    def describe(self, name: str) -> Stack | None:
        """Return the stack, or None when there is none of that name.

        Args:
            name: The name, or the ARN, under which a deleted stack is found for 90 days.

        """
        from botocore.exceptions import ClientError  # noqa: PLC0415

        with translated(f"look at the stack {name}"):
            try:
                answer = self._client.describe_stacks(StackName=name)
            except ClientError as problem:
                if _is_absent(problem):
                    return None
                raise
        return _stack(answer["Stacks"][0])

    def last_event(self, name: str) -> str | None:
        """The id of the newest event of a stack, to follow what comes after; None when there is no such stack."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        with translated(f"read the events of the stack {name}"):
            try:
                events = self._client.describe_stack_events(StackName=name)["StackEvents"]
            except ClientError as problem:
                if _is_absent(problem):
                    return None
                raise
        return events[0]["EventId"] if events else None

    def events(self, name: str, since: str | None = None) -> list[StackEvent]:
        """The stack's events after the one with the id `since`, oldest first; all that there are without it."""
        found: list[StackEvent] = []
        with told_of_stack(f"read the events of the stack {name}"):
            for page in self._client.get_paginator("describe_stack_events").paginate(StackName=name):
                for event in page["StackEvents"]:
                    if event["EventId"] == since:
                        return found[::-1]
                    found.append(_event(event))
        return found[::-1]

    def follow(self, stack_id: str, since: str | None, tell: Tell) -> Stack:
        """Tell a stack's events as they come, until the operation that began after `since` has ended.

        Args:
            stack_id: The stack's ARN, so that its deletion can be followed and no other stack of its name.
            since: The id of the newest event before the operation, from `last_event`.
            tell: Is given every event once, in order.

        Returns:
            The stack as it stands then, however the operation ended.

        Raises:
            AwsError: AWS cannot be asked any more. The operation itself goes on in CloudFormation.

        """
        told: set[str] = set()
        pause = poll_interval(self._aws)
        while True:
            try:
                events = self.events(stack_id, since)
            except ThrottledByAwsError:
                pause = min(pause * 2, _SLOWEST_POLL_S)
            else:
                pause = poll_interval(self._aws)
                for event in events:
                    if event.id not in told:
                        told.add(event.id)
                        tell(event)
                if any(_ends(event, stack_id) for event in events):
                    return self._settled(stack_id)
            self._wait(pause)

    def _settled(self, stack_id: str) -> Stack:
        # The event and the status are told by two calls, and the second may lag behind.
        while True:
            stack = self.describe(stack_id)
            if stack is None:
                raise StackError(f"The stack {stack_id} is no longer known to CloudFormation")
            if not stack.busy:
                return stack
            self._wait(poll_interval(self._aws))

    def settle(self, name: str, tell: Tell) -> Stack | None:
        """Wait for whatever CloudFormation is doing to a stack; return the stack, or None when there is none."""
        stack = self.describe(name)
        if stack is None or not stack.busy:
            return stack
        # The operation began with the newest event that speaks of the stack as a whole.
        since = None
        for earlier in self.events(stack.id):
            if _ends(earlier, stack.id):
                since = earlier.id
        settled = self.follow(stack.id, since, tell)
        return None if settled.status == "DELETE_COMPLETE" else settled

    def create_change_set(self, request: ChangeRequest) -> ChangeSet:
        """Have CloudFormation work out what would change, and wait until it has.

        Log groups and other named resources that exist outside any stack, and that the template keeps, are taken over.
        Nothing is left behind when it fails or when there is nothing to change.

        Raises:
            StackError: CloudFormation does not accept the template, the parameters or the stack's state.

        """
        stack = self.describe(request.stack_name)
        creates = stack is None or stack.only_planned
        doing = f"work out the changes of the stack {request.stack_name}"
        with told_of_stack(doing):
            made = self._client.create_change_set(**_input(request, creates=creates))
        try:
            return self._finished(made["Id"], made["StackId"], request.stack_name, creates=creates)
        except BaseException as problem:
            try:
                self._forget(made["Id"], made["StackId"], creates=creates)
            except AwsError as second:
                problem.add_note(f"The change set {made['Id']} was left behind: {second.in_one_line()}")
            raise

    def _finished(self, change_set_id: str, stack_id: str, stack_name: str, *, creates: bool) -> ChangeSet:
        while True:
            with told_of_stack(f"read the change set of the stack {stack_name}"):
                answer = self._client.describe_change_set(ChangeSetName=change_set_id)
            status, reason = answer["Status"], answer.get("StatusReason", "")
            if status == "CREATE_COMPLETE":
                return ChangeSet(change_set_id, stack_id, stack_name, creates, self._changes(answer))
            if status == "FAILED" and any(words in reason for words in _NO_CHANGES):
                self._forget(change_set_id, stack_id, creates=creates)
                return ChangeSet(change_set_id, stack_id, stack_name, creates, ())
            if not status.endswith("_IN_PROGRESS") and not status.endswith("_PENDING"):
                why = self._details(change_set_id, reason) or reason.rstrip(".") or status
                raise StackError(f"CloudFormation accepts no such change of the stack {stack_name}", why=why)
            self._wait(poll_interval(self._aws))

    def _details(self, change_set_id: str, reason: str) -> str:
        """What was found wrong before anything was made, as far as the reason says that there is something to read."""
        if _EARLY_VALIDATION not in reason:
            return ""
        with told_of_stack("read why CloudFormation does not accept the change set"):
            pages = self._client.get_paginator("describe_events").paginate(
                ChangeSetName=change_set_id, Filters={"FailedEvents": True}
            )
            events = [event for page in pages for event in page["OperationEvents"]]
        return "; ".join(filter(None, map(_finding, events)))

    def _changes(self, first: DescribeChangeSetOutputTypeDef) -> tuple[Mapping[str, Any], ...]:
        pages = [first]
        with told_of_stack(f"read the change set of the stack {first['StackName']}"):
            while token := pages[-1].get("NextToken"):
                name = first["ChangeSetId"]
                pages.append(self._client.describe_change_set(ChangeSetName=name, NextToken=token))
        changes = [change.get("ResourceChange") for page in pages for change in page["Changes"]]
        return tuple(dict(change) for change in changes if change is not None)

    def discard(self, change_set: ChangeSet) -> None:
        """Delete a change set that will not be executed, and the empty stack that was made for it alone.

        One that was executed, or that another one overtook, is over and nothing happens.
        """
        self._forget(change_set.id, change_set.stack_id, creates=change_set.creates)

    def _forget(self, change_set_id: str, stack_id: str, *, creates: bool) -> None:
        from botocore.exceptions import ClientError  # noqa: PLC0415

        with translated("delete a change set that is not needed"):
            try:
                self._client.delete_change_set(ChangeSetName=change_set_id)
            except ClientError as problem:
                if code_of(problem) not in OUTDATED:
                    raise
            if creates and self._is_empty(stack_id, but_for=change_set_id):
                self._client.delete_stack(StackName=stack_id)

    def _is_empty(self, stack_id: str, but_for: str) -> bool:
        """Whether the stack is only planned, and by nobody else either."""
        stack = self.describe(stack_id)
        if stack is None or not stack.only_planned:
            return False
        # What was deleted a moment ago may still be listed.
        listed = self._client.list_change_sets(StackName=stack_id).get("Summaries", [])
        return all(summary["ChangeSetId"] == but_for for summary in listed)

    def execute(self, change_set: ChangeSet) -> None:
        """Begin to make the changes; `follow` tells how it goes on.

        Raises:
            StackError: The stack has changed since the change set was made, or is busy.

        """
        with told_of_stack(f"change the stack {change_set.stack_name}"):
            # With a token of its own the call can be repeated by botocore and is still executed once.
            self._client.execute_change_set(ChangeSetName=change_set.id, ClientRequestToken=str(uuid.uuid4()))

    def delete(self, name: str, retain: Collection[str] = ()) -> None:
        """Begin to delete a stack; `follow` tells how it goes on.

        Args:
            name: Its name or ARN.
            retain: Logical ids to leave behind, which CloudFormation takes of a stack in DELETE_FAILED only.

        Raises:
            StackError: It is protected from deletion, or busy.

        """
        with told_of_stack(f"delete the stack {name}"):
            self._client.delete_stack(
                StackName=name, RetainResources=list(retain), ClientRequestToken=str(uuid.uuid4())
            )

    def continue_rollback(self, name: str, skip: Collection[str] = ()) -> None:
        """Begin to finish a rollback that failed; `follow` tells how it goes on.

        Args:
            name: The stack in UPDATE_ROLLBACK_FAILED.
            skip: Logical ids to take for rolled back, whatever state they are in.

        """
        with told_of_stack(f"go on with the rollback of the stack {name}"):
            # An empty list would go out as one resource without a name.
            skipped: dict[str, Any] = {"ResourcesToSkip": list(skip)} if skip else {}
            self._client.continue_update_rollback(StackName=name, **skipped)

    def protect(self, name: str, *, enabled: bool) -> None:
        """Protect a stack from deletion, or no longer."""
        with told_of_stack(f"set the termination protection of the stack {name}"):
            self._client.update_termination_protection(StackName=name, EnableTerminationProtection=enabled)

    def template(self, name: str) -> str:
        """The stack's template as it was given to CloudFormation: YAML, of which JSON is a part."""
        with told_of_stack(f"read the template of the stack {name}"):
            body: Any = self._client.get_template(StackName=name, TemplateStage="Original")["TemplateBody"]
        # botocore parses a template that is JSON, and hands on one that is YAML.
        return body if isinstance(body, str) else json.dumps(body, indent=2)

    def resources(self, name: str) -> tuple[StackResource, ...]:
        """What the stack consists of now."""
        with told_of_stack(f"list the resources of the stack {name}"):
            pages = self._client.get_paginator("list_stack_resources").paginate(StackName=name)
            found = [summary for page in pages for summary in page["StackResourceSummaries"]]
        return tuple(
            StackResource(
                summary["LogicalResourceId"],
                summary.get("PhysicalResourceId", ""),
                summary["ResourceType"],
                summary["ResourceStatus"],
            )
            for summary in found
        )


def poll_interval(aws: Aws) -> float:
    """Seconds between two looks at something that CloudFormation is at."""
    return _LOCAL_POLL_S if aws.is_local else _POLL_S


def _input(request: ChangeRequest, *, creates: bool) -> CreateChangeSetInputTypeDef:
    token = str(uuid.uuid4())
    fields: CreateChangeSetInputTypeDef = {
        "StackName": request.stack_name,
        "ChangeSetName": f"fastlambda-{token}",
        # With it botocore can repeat the call, and one change set is made.
        "ClientToken": token,
        "ChangeSetType": "CREATE" if creates else "UPDATE",
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in request.parameters.items()],
        "Capabilities": request.capabilities,
        "ImportExistingResources": True,
    }
    if request.tags:
        fields["Tags"] = [{"Key": key, "Value": value} for key, value in request.tags.items()]
    if len(request.template.encode()) <= MAX_TEMPLATE_BODY:
        return {**fields, "TemplateBody": request.template}
    if request.template_url is None:
        raise StackError(
            f"The template of the stack {request.stack_name} is too long for a request",
            why=f"it has {len(request.template.encode())} bytes, and {MAX_TEMPLATE_BODY} are allowed",
        )
    return {**fields, "TemplateURL": request.template_url}


def _is_absent(problem: Any) -> bool:
    # The API has no code of its own for it (AWS CloudFormation API Reference, "DescribeStacks").
    message = problem.response.get("Error", {}).get("Message", "")
    return code_of(problem) == "ValidationError" and "does not exist" in message


def _finding(event: _OperationEvent) -> str:
    """What an event of DescribeEvents says is wrong; empty for a warning and for what only sums up."""
    if "WARN" in {event.get("ValidationFailureMode"), event.get("HookFailureMode")}:
        return ""
    what = event.get("ValidationStatusReason") or event.get("HookStatusReason") or event.get("ResourceStatusReason", "")
    where = event.get("LogicalResourceId") or event.get("ValidationPath", "")
    return f"{where}: {what}".removeprefix(": ").rstrip(".") if what else ""


def _ends(event: StackEvent, stack_id: str) -> bool:
    """Whether an event is the end of an operation on the stack itself."""
    of_the_stack = event.kind == STACK_TYPE and event.physical_id == stack_id
    return of_the_stack and not event.status.endswith("_IN_PROGRESS")


def _stack(answer: StackTypeDef) -> Stack:
    return Stack(
        id=answer["StackId"],
        name=answer["StackName"],
        status=answer["StackStatus"],
        updated=answer.get("LastUpdatedTime", answer["CreationTime"]),
        reason=answer.get("StackStatusReason", ""),
        parameters={item["ParameterKey"]: item["ParameterValue"] for item in answer.get("Parameters", [])},
        outputs={item["OutputKey"]: item["OutputValue"] for item in answer.get("Outputs", [])},
        tags={item["Key"]: item["Value"] for item in answer.get("Tags", [])},
        protected=answer.get("EnableTerminationProtection", False),
    )


def _event(answer: _Event) -> StackEvent:
    return StackEvent(
        id=answer["EventId"],
        at=answer["Timestamp"],
        logical_id=answer.get("LogicalResourceId", ""),
        physical_id=answer.get("PhysicalResourceId", ""),
        kind=answer.get("ResourceType", ""),
        status=answer.get("ResourceStatus", ""),
        reason=answer.get("ResourceStatusReason") or answer.get("HookStatusReason", ""),
        hook=answer.get("HookType", ""),
        # A hook that fails in the mode WARN stops nothing (AWS CloudFormation Hooks User Guide).
        refused=answer.get("HookStatus") in _HOOK_FAILURES and answer.get("HookFailureMode", "FAIL") == "FAIL",
    )
