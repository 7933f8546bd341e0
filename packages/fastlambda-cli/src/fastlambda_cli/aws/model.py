"""What AWS tells, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class StackEvent:
    """Something CloudFormation did.

    Attributes:
        at: When, UTC.
        status: Such as CREATE_COMPLETE.
        reason: Why, when it says so.

    """

    id: str
    at: datetime
    logical_id: str
    physical_id: str
    kind: str
    status: str
    reason: str = ""
