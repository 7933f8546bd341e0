"""What every part of a template is rendered from."""

from __future__ import annotations

from dataclasses import dataclass

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.model import Configuration, Runtime, Service
from fastlambda_cli.service.stages import stack_name

MAX_FUNCTION_NAME = 64
"""Characters (AWS Lambda API Reference, CreateFunction)."""


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
        if len(self.name) > MAX_FUNCTION_NAME:
            raise ConfigurationError(
                f"The function's name would be {self.name}, of {len(self.name)} characters",
                why=f"Lambda takes {MAX_FUNCTION_NAME}",
                remedy="Shorten the service's name or the stage's.",
            )

    @property
    def name(self) -> str:
        """The name of the stack, the function and whatever else has a name."""
        return stack_name(self.service.name, self.stage)

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
