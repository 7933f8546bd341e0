"""The service description: frozen data, everything with a default that suits a FastAPI app."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

_NAME = r"^[A-Za-z0-9-_]{1,64}$"
_HANDLER = r"^[^\s.][^\s]*\.[^\s.]+$"
_WORD = r"^[A-Za-z][A-Za-z0-9_]*$"
_VARIABLE_NAME = r"^[A-Za-z][A-Za-z0-9_]+$"

PATTERNS = {
    _NAME: "1 to 64 letters, digits, hyphens or underscores",
    _HANDLER: 'a module and an attribute, such as "lambda_handler.handler"',
    _WORD: "a letter, then letters, digits or underscores",
    _VARIABLE_NAME: "two characters or more: a letter, then letters, digits or underscores",
}
"""What each pattern of this file asks for, in words."""

Runtime = Literal["python3.11", "python3.12", "python3.13", "python3.14"]
SecretName = Annotated[str, StringConstraints(pattern=_WORD)]
VariableName = Annotated[str, StringConstraints(pattern=_VARIABLE_NAME)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class SecretSpec(_Frozen):
    """A secret the function may read: one that exists (`arn`) or one made with generated values (`generate`).

    The function finds its ARN in the environment variable `env`, by default NAME_SECRET_ARN.
    """

    arn: str | None = None
    generate: tuple[str, ...] = Field(default=(), strict=False)
    env: VariableName | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.arn is None) == (not self.generate):
            raise ValueError("a secret has either an `arn` or names to `generate`")
        return self


class LocalSpec(_Frozen):
    """What only the local cloud reads.

    Attributes:
        concurrency: How many execution environments may run at once; more events than that are throttled.

    """

    concurrency: int = Field(default=10, ge=1, le=1000)


class Configuration(_Frozen):
    """The table `[tool.fastlambda]`.

    Attributes:
        name: The function's and the service's name; by default the project's.
        handler: `module.attribute` of the Lambda handler.
        runtime: Lambda's Python; by default the one that runs this command.
        memory: MB. 1,769 MB is one whole vCPU.
        timeout: Seconds; behind the HTTP API nobody waits longer than 30.
        environment: Environment variables for the function, never secrets.
        secrets: Secrets by name.
        metrics_namespace: The CloudWatch namespace; by default the name.
        log_level: The level below which nothing is logged.

    """

    name: Annotated[str, StringConstraints(pattern=_NAME)] | None = None
    handler: Annotated[str, StringConstraints(pattern=_HANDLER)] = "lambda_handler.handler"
    runtime: Runtime | None = None
    memory: int = Field(default=1024, ge=128, le=10240)
    timeout: int = Field(default=30, ge=1, le=900)
    environment: dict[VariableName, str] = Field(default_factory=dict)
    secrets: dict[SecretName, SecretSpec] = Field(default_factory=dict)
    metrics_namespace: str | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    local: LocalSpec = LocalSpec()


class Service(_Frozen):
    """A service as its folder describes it: what the engine deploys and the local cloud runs.

    Attributes:
        root: The folder with the service's pyproject.toml: the function's task root.
        name: The function's name.
        dependencies: The project's own requirement strings (PEP 508).
        local_sources: Dependencies that come from a folder or a wheel file beside the service, by package name.
        lock: The hash-pinned requirements file or uv.lock; None when the project has neither.

    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    root: Path
    name: str
    configuration: Configuration
    dependencies: tuple[str, ...]
    local_sources: dict[str, Path]
    lock: Path | None
