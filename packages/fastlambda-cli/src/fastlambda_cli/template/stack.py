"""What every part of a template is rendered from."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.events import EventSource, QueueSource
from fastlambda_cli.service.functions import Function, function_name
from fastlambda_cli.service.model import Configuration, Runtime, Service
from fastlambda_cli.service.stages import stack_name

MAX_FUNCTION_NAME = 64
"""Characters (AWS Lambda API Reference, CreateFunction)."""

_WORDS = re.compile(r"[^A-Za-z0-9]+")


def in_logical_id(name: str) -> str:
    """A name as a part of logical ids, which have neither hyphens nor underscores: BookImports for book-imports."""
    return "".join(word[:1].upper() + word[1:] for word in _WORDS.split(name))


@dataclass(frozen=True, slots=True)
class Stack:
    """One stage of a service.

    Attributes:
        service: With the configuration of this stage.
        stage: The stage's name.
        runtime: Lambda's Python.

    Raises:
        ConfigurationError: Service and stage together make no name for a function.

    """

    service: Service
    stage: str
    runtime: Runtime

    def __post_init__(self) -> None:
        """Refuse a name that is too long while it can still be said where it comes from."""
        for function in self.functions:
            if len(function.name) > MAX_FUNCTION_NAME:
                also = ", or that of `function`" if function.of.name is not None else ""
                raise ConfigurationError(
                    f"The function's name would be {function.name}, of {len(function.name)} characters",
                    why=f"Lambda takes {MAX_FUNCTION_NAME}",
                    remedy=f"Shorten the service's name or the stage's{also}.",
                )

    @property
    def name(self) -> str:
        """The name of the stack, the function and whatever else has a name."""
        return stack_name(self.service.name, self.stage)

    @property
    def functions(self) -> tuple[FunctionOfStack, ...]:
        """The functions, the one that answers HTTP first."""
        return tuple(FunctionOfStack(self, function) for function in self.service.functions)

    @property
    def api_function(self) -> FunctionOfStack:
        """The function that answers HTTP."""
        return self.functions[0]

    @property
    def other_functions(self) -> tuple[FunctionOfStack, ...]:
        """The functions that only consume."""
        return self.functions[1:]

    def function_of(self, source: EventSource) -> FunctionOfStack:
        """The function that a source brings its events to."""
        return next(function for function in self.functions if function.of.name == source.function)

    @property
    def configuration(self) -> Configuration:
        """The service's configuration in this stage."""
        return self.service.configuration

    @property
    def is_image(self) -> bool:
        """Whether the function is made from a container image."""
        return self.configuration.package.type == "image"

    @property
    def tags(self) -> list[dict[str, str]]:
        """The tags, as most resource types take them."""
        return [{"Key": key, "Value": value} for key, value in self.configuration.tags.items()]

    @property
    def tag_map(self) -> dict[str, str]:
        """The tags, as API Gateway's resource types take them."""
        return dict(self.configuration.tags)


@dataclass(frozen=True, slots=True)
class FunctionOfStack:
    """One function of a stack: what there is once for each of them is named after it.

    Attributes:
        stack: The stack.
        of: What the service says of it.

    """

    stack: Stack
    of: Function

    @property
    def name(self) -> str:
        """What AWS knows it by."""
        return function_name(self.stack.name, self.of.name)

    def id(self, logical_id: str) -> str:
        """The logical id of something of it, by that of the same thing of the function that answers HTTP."""
        return logical_id if self.of.name is None else f"{in_logical_id(self.of.name)}{logical_id}"

    @property
    def has_asynchronous_sources(self) -> bool:
        """Whether anything but queues brings it events."""
        return any(not isinstance(source, QueueSource) for source in self.of.sources)
