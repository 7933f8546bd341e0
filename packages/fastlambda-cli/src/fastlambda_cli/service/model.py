"""The service description: frozen data, everything with a default that suits a FastAPI app."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from fastlambda_cli.service import deployment, destinations, events, functions, packaging
from fastlambda_cli.service.deployment import (
    AlarmsSpec,
    ConcurrencySpec,
    HttpSpec,
    IdempotencySpec,
    LogsSpec,
    PermissionSpec,
    RolloutSpec,
    VpcSpec,
)
from fastlambda_cli.service.destinations import Destination
from fastlambda_cli.service.events import EventSource, EventsSpec, FunctionName
from fastlambda_cli.service.functions import Function, FunctionOverride, Memory, Timeout, VariableName, overridden
from fastlambda_cli.service.packaging import PackageSpec
from fastlambda_cli.service.record import ContradictionError, Record
from fastlambda_cli.service.stages import STAGE_NAME, STAGE_NAME_IN_WORDS

_NAME = r"^[A-Za-z0-9-_]{1,64}$"
_HANDLER = r"^[^\s.][^\s]*\.[^\s.]+$"
_WORD = r"^[A-Za-z][A-Za-z0-9_]*$"
_COMPLETE_ARN = r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}$"
_PATH = r"^/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*$"
_NAMESPACE = r"^[A-Za-z0-9._/#:-]{1,255}$"
_TAG_KEY = r"^[A-Za-z0-9 _.:/=+@-]{1,128}$"
_TAG_VALUE = r"^[A-Za-z0-9 _.:/=+@-]{0,256}$"

PATTERNS = {
    _NAME: "1 to 64 letters, digits, hyphens or underscores",
    _HANDLER: 'a module and an attribute, such as "lambda_handler.handler"',
    _WORD: "a letter, then letters, digits or underscores",
    _COMPLETE_ARN: "the whole ARN of a secret, with the hyphen and six characters at its end",
    _PATH: 'a path that begins with "/", such as "/health", without a query',
    _NAMESPACE: "1 to 255 letters, digits or any of . _ / # : -",
    _TAG_KEY: "1 to 128 letters, digits, spaces or any of _ . : / = + - @",
    _TAG_VALUE: "at most 256 letters, digits, spaces or any of _ . : / = + - @",
    STAGE_NAME: STAGE_NAME_IN_WORDS,
    **deployment.PATTERNS,
    **destinations.PATTERNS,
    **events.PATTERNS,
    **functions.PATTERNS,
    **packaging.PATTERNS,
}
"""What each pattern of this file asks for, in words."""

Runtime = Literal["python3.11", "python3.12", "python3.13", "python3.14"]
SecretName = Annotated[str, StringConstraints(pattern=_WORD)]
StageName = Annotated[str, StringConstraints(pattern=STAGE_NAME)]
TagKey = Annotated[str, StringConstraints(pattern=_TAG_KEY)]
TagValue = Annotated[str, StringConstraints(pattern=_TAG_VALUE)]

SNAP_START_EPHEMERAL_STORAGE = 512
"""MB; SnapStart takes no function with more (Lambda developer guide, "Improving startup performance")."""


class SecretSpec(Record):
    """A secret the function may read: one that exists (`arn`) or one made with generated values (`generate`).

    Attributes:
        arn: The whole ARN of a secret that exists.
        generate: Keys of a JSON object that is made with a random value each.
        env: The environment variable in which the function finds the ARN; by default NAME_SECRET_ARN.

    """

    arn: Annotated[str, StringConstraints(pattern=_COMPLETE_ARN)] | None = None
    generate: tuple[str, ...] = Field(default=(), strict=False)
    env: VariableName | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.arn is None) == (not self.generate):
            raise ContradictionError("a secret has either an `arn` or names to `generate`", "Give one of them.")
        return self


class LocalSpec(Record):
    """What only the local cloud reads.

    Attributes:
        concurrency: How many execution environments may run at once; more events than that are throttled.
        account_concurrency: How many events all functions may run at once, but for those with reserved concurrency.
        file_system: Whether functions have file systems as on Lambda, read-only but for /tmp, or share this machine's.
        writable: Folders, as seen from the project's, that functions may write all the same; they are made.

    """

    concurrency: int = Field(default=10, ge=1, le=1000)
    account_concurrency: int = Field(default=1000, ge=1, le=1000)
    file_system: Literal["lambda", "shared"] = "lambda"
    writable: tuple[str, ...] = Field(default=(), strict=False)

    @property
    def own_files(self) -> bool:
        """Whether execution environments are to have file systems of their own."""
        return self.file_system == "lambda"


class Configuration(Record):
    """The table `[tool.fastlambda]`.

    Attributes:
        name: The function's and the service's name; by default the project's.
        handler: `module.attribute` of the Lambda handler.
        runtime: Lambda's Python; by default the one that runs this command.
        memory: MB. 1,769 MB is one whole vCPU.
        timeout: Seconds; behind the HTTP API nobody waits longer than 30.
        health: The path of a GET that a new version has to answer with a status below 500 before traffic moves to it.
        environment: Environment variables for the function, never secrets.
        secrets: Secrets by name.
        metrics_namespace: The CloudWatch namespace; by default the name.
        log_level: The level below which nothing is logged.
        architecture: Of the function's processor.
        ephemeral_storage: MB in /tmp.
        snap_start: Whether environments start from a snapshot that is taken when a version is published.
        tracing: Whether Lambda samples requests for X-Ray.
        functions: What is different of the functions that consumers are declared with, by their names.
        package: What is deployed: a zip or an image, and which of the service's own files are in it.
        permissions: What the function may do besides writing logs and traces and reading its secrets.
        tags: On every resource that takes tags.
        stages: By stage, what is different there; see `stages.stage_table`.

    """

    name: Annotated[str, StringConstraints(pattern=_NAME)] | None = None
    handler: Annotated[str, StringConstraints(pattern=_HANDLER)] = "lambda_handler.handler"
    runtime: Runtime | None = None
    memory: Memory = 1024
    timeout: Timeout = 30
    health: Annotated[str, StringConstraints(pattern=_PATH)] = "/"
    environment: dict[VariableName, str] = Field(default_factory=dict)
    secrets: dict[SecretName, SecretSpec] = Field(default_factory=dict)
    metrics_namespace: Annotated[str, StringConstraints(pattern=_NAMESPACE)] | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    architecture: Literal["arm64", "x86_64"] = "arm64"
    ephemeral_storage: int = Field(default=512, ge=512, le=10240)
    snap_start: bool = False
    tracing: bool = True
    concurrency: ConcurrencySpec = ConcurrencySpec()
    http: HttpSpec = HttpSpec()
    logs: LogsSpec = LogsSpec()
    alarms: AlarmsSpec | None = None
    rollout: RolloutSpec = RolloutSpec()
    vpc: VpcSpec | None = None
    events: EventsSpec = EventsSpec()
    functions: dict[FunctionName, FunctionOverride] = Field(default_factory=dict)
    idempotency: IdempotencySpec = IdempotencySpec()
    package: PackageSpec = PackageSpec()
    permissions: tuple[PermissionSpec, ...] = Field(default=(), strict=False)
    tags: dict[TagKey, TagValue] = Field(default_factory=dict, max_length=50)
    stages: dict[StageName, dict[str, Any]] = Field(default_factory=dict)
    local: LocalSpec = LocalSpec()

    @model_validator(mode="after")
    def _can_be_snapped(self) -> Self:
        if not self.snap_start:
            return self
        if self.runtime in {None, "python3.11"}:
            raise ContradictionError("SnapStart needs Python 3.12 or later", 'Set runtime, such as "python3.13".')
        if self.concurrency.provisioned is not None:
            raise ContradictionError(
                "SnapStart and provisioned concurrency exclude each other",
                "Remove `snap_start` or `concurrency.provisioned`.",
            )
        for name, function in self.functions.items():
            if function.concurrency.provisioned is not None:
                raise ContradictionError(
                    "SnapStart and provisioned concurrency exclude each other",
                    f"Remove `snap_start` or `functions.{name}.concurrency.provisioned`.",
                )
        if self.ephemeral_storage > SNAP_START_EPHEMERAL_STORAGE:
            raise ContradictionError(
                f"SnapStart takes no more than {SNAP_START_EPHEMERAL_STORAGE} MB of ephemeral storage",
                "Remove `snap_start` or `ephemeral_storage`.",
            )
        return self

    @model_validator(mode="after")
    def _tags_of_our_own(self) -> Self:
        for key in self.tags:
            if key.lower().startswith("aws:"):
                raise ContradictionError(f"the tag {key} starts with aws:, which AWS reserves", "Rename it.")
        return self


class Service(Record):
    """A service as its folder describes it: what the engine deploys and the local cloud runs.

    Attributes:
        root: The folder with the service's pyproject.toml: the function's task root.
        name: The function's name.
        dependencies: The project's own requirement strings (PEP 508).
        local_sources: Dependencies that come from a folder or a wheel file beside the service, by package name.
        lock: The hash-pinned requirements file, uv.lock or pylock.toml; None when the project has none of them.
        events: What its code consumes besides HTTP requests, sorted by kind and name.
        destinations: What its code publishes to, sorted likewise.
        idempotent_routes: Whether its code has routes that answer a repeated request from a record.

    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    root: Path
    name: str
    configuration: Configuration
    dependencies: tuple[str, ...]
    local_sources: dict[str, Path]
    lock: Path | None
    events: tuple[EventSource, ...] = ()
    destinations: tuple[Destination, ...] = ()
    idempotent_routes: bool = False

    @property
    def functions(self) -> tuple[Function, ...]:
        """What it runs as: the function that answers HTTP, and those that consumers are declared with, by name."""
        configuration = self.configuration
        provisioned = configuration.concurrency.provisioned
        api = Function(
            name=None,
            memory=configuration.memory,
            timeout=configuration.timeout,
            reserved=configuration.concurrency.reserved,
            provisioned=provisioned.min if provisioned is not None else None,
            environment=configuration.environment,
            sources=tuple(source for source in self.events if source.function is None),
        )
        names = sorted({source.function for source in self.events if source.function is not None})
        others = [
            replace(api, name=name, sources=tuple(source for source in self.events if source.function == name))
            for name in names
        ]
        known = configuration.functions
        return (api, *(overridden(other, known.get(str(other.name), FunctionOverride())) for other in others))

    @property
    def dockerfile(self) -> Path | None:
        """What its image is built by; None when it is packed."""
        named = self.configuration.package.dockerfile
        return self.root / named if named is not None else None

    @property
    def idempotent(self) -> bool:
        """Whether anything of it is done once, for which it needs a table."""
        return self.idempotent_routes or any(source.idempotent for source in self.events)
