"""What every part of the service description is: frozen, strict, and silent about the values it refuses."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A table of the configuration: unknown keys are refused, and no type is converted into another."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class ContradictionError(ValueError):
    """Values that are right each by itself and wrong together.

    Args:
        what: Which values, without a full stop.
        remedy: What to do about it, as a full sentence.

    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy
