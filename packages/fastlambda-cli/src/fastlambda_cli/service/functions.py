"""The functions of a service: the one that answers HTTP, and one for each name that consumers are declared with.

All of them run the same artifact by the same handler. What differs is what brings them events, and what the
configuration gives each of them to run with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from fastlambda_cli.service.events import EventSource
from fastlambda_cli.service.record import ContradictionError, Record

_VARIABLE_NAME = r"^[A-Za-z][A-Za-z0-9_]+$"

PATTERNS = {
    _VARIABLE_NAME: "two characters or more: a letter, then letters, digits or underscores",
}
"""What each pattern of this file asks for, in words."""

VariableName = Annotated[str, StringConstraints(pattern=_VARIABLE_NAME)]
Memory = Annotated[int, Field(ge=128, le=10240)]
Timeout = Annotated[int, Field(ge=1, le=900)]


class FunctionProvisioned(Record):
    """Execution environments that wait ready on the alias of a function of consumers.

    Attributes:
        min: How many; the number is fixed.

    """

    min: int = Field(ge=1)


class FunctionConcurrency(Record):
    """How many execution environments a function of consumers has.

    Attributes:
        reserved: Set aside for the function, and its limit; 0 stops it.
        provisioned: Kept ready before any event comes.

    """

    reserved: int | None = Field(default=None, ge=0)
    provisioned: FunctionProvisioned | None = None

    @model_validator(mode="after")
    def _provisioned_fits(self) -> Self:
        if self.reserved is not None and self.provisioned is not None and self.provisioned.min > self.reserved:
            raise ContradictionError(
                f"{self.provisioned.min} provisioned environments do not fit into {self.reserved} reserved ones",
                "Raise `reserved`, or provision fewer.",
            )
        return self


class FunctionOverride(Record):
    """What is different of a function that consumers are declared with; everything else is the service's.

    Attributes:
        memory: MB.
        timeout: Seconds.
        environment: Environment variables beside the service's, or in place of them; never secrets.
        concurrency: How many execution environments; nothing is reserved where this does not say so.

    """

    memory: Memory | None = None
    timeout: Timeout | None = None
    environment: dict[VariableName, str] = Field(default_factory=dict)
    concurrency: FunctionConcurrency = FunctionConcurrency()


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a service.

    Attributes:
        name: As consumers are declared with it; None for the one that answers HTTP.
        memory: MB.
        timeout: Seconds.
        reserved: Its reserved concurrency; None when it has none.
        provisioned: How many environments wait ready, at least; None for none.
        environment: Its environment variables, as the configuration has them.
        sources: What brings it events.

    """

    name: str | None
    memory: int
    timeout: int
    reserved: int | None
    provisioned: int | None
    environment: Mapping[str, str]
    sources: tuple[EventSource, ...]

    @property
    def idempotent(self) -> bool:
        """Whether it consumes anything that is handled once."""
        return any(source.idempotent for source in self.sources)


def function_name(stack_name: str, name: str | None) -> str:
    """What AWS knows a function by: the stack's own name for the one that answers HTTP."""
    return stack_name if name is None else f"{stack_name}-{name}"


def overridden(function: Function, override: FunctionOverride) -> Function:
    """A function of consumers: the one that answers HTTP, with what is different of it.

    Its concurrency is no part of what it takes over: it is a share of the account's, and not a kind of function.
    """
    provisioned = override.concurrency.provisioned
    return Function(
        name=function.name,
        memory=override.memory or function.memory,
        timeout=override.timeout or function.timeout,
        reserved=override.concurrency.reserved,
        provisioned=provisioned.min if provisioned is not None else None,
        environment={**function.environment, **override.environment},
        sources=function.sources,
    )
