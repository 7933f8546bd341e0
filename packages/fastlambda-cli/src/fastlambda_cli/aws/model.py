"""What AWS tells, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

STACK_TYPE = "AWS::CloudFormation::Stack"

_IN_PROGRESS = "_IN_PROGRESS"
_REVIEW = "REVIEW_IN_PROGRESS"


@dataclass(frozen=True, slots=True)
class StackEvent:
    """Something CloudFormation did.

    Attributes:
        at: When, UTC.
        status: Such as CREATE_COMPLETE.
        reason: Why, when it says so; of a hook's event, what the hook says.
        hook: The type of the CloudFormation Hook that was run, of a hook's event.
        refused: Whether the hook failed, and keeps the resource from being changed.

    """

    id: str
    at: datetime
    logical_id: str
    physical_id: str
    kind: str
    status: str
    reason: str = ""
    hook: str = ""
    refused: bool = False

    @property
    def failed(self) -> bool:
        """Whether it tells of a failure."""
        return self.refused or self.status.endswith("_FAILED")


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack as DescribeStacks tells it.

    Attributes:
        id: Its ARN: it goes on naming the stack once that is deleted, when the name may be another's.
        status: Such as UPDATE_COMPLETE.
        reason: CloudFormation's reason for the status, when it gives one.
        updated: When it was last updated, or made, UTC.
        parameters: By name.
        outputs: By name.

    """

    id: str
    name: str
    status: str
    updated: datetime
    reason: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    protected: bool = False

    @property
    def busy(self) -> bool:
        """Whether CloudFormation is at work on it."""
        return self.status.endswith(_IN_PROGRESS) and not self.only_planned

    @property
    def only_planned(self) -> bool:
        """Whether it is nothing yet but the change set that would make it."""
        return self.status == _REVIEW

    @property
    def half_made(self) -> bool:
        """Whether its creation failed: CloudFormation updates it no more, and only deletes it."""
        return self.status in {"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}

    @property
    def succeeded(self) -> bool:
        """Whether the last operation did what it was to do."""
        return self.status.endswith("_COMPLETE") and "ROLLBACK" not in self.status


@dataclass(frozen=True, slots=True)
class StackResource:
    """A resource of a stack: its logical id, AWS's name of it, and its type."""

    logical_id: str
    physical_id: str
    kind: str
    status: str


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A change set that can be executed, or that changes nothing.

    Attributes:
        id: Its ARN.
        stack_id: The ARN of the stack that it changes or would make.
        creates: Whether it makes the stack.
        changes: The ResourceChange structures of DescribeChangeSet, in its order; empty when there is nothing to do.

    """

    id: str
    stack_id: str
    stack_name: str
    creates: bool
    changes: tuple[Mapping[str, Any], ...]
