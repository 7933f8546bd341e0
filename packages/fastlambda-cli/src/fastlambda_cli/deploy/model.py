"""What travels between the stages of a deployment, and to whoever shows them: frozen values, nothing that acts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeAlias

from fastlambda_cli.artifact.image.model import Image
from fastlambda_cli.artifact.model import Artifact
from fastlambda_cli.aws.model import StackEvent
from fastlambda_cli.service.model import Runtime, Service
from fastlambda_cli.service.stages import described, stack_name


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be deployed.

    Attributes:
        service: As loaded for the stage.
        stage: The stage's name.
        runtime: Lambda's Python.
        artifact: What is deployed, of the service's type of package; None has it built from the service.
        stands_in: Whether the artifact only stands in for the service's folder, from which `dev` runs it.

    """

    service: Service
    stage: str
    runtime: Runtime
    artifact: Artifact | Image | None = None
    stands_in: bool = False

    @property
    def stack_name(self) -> str:
        """The name of the stack, and of the function in it."""
        return stack_name(self.service.name, self.stage)

    @property
    def described(self) -> str:
        """What the stack says that it is."""
        return described(self.service.name, self.stage)


@dataclass(frozen=True, slots=True)
class PublishedZip:
    """A zip where CloudFormation can read it.

    Attributes:
        bucket: The S3 bucket.
        key: The object's key; it holds the digest, so that a key never changes its content.
        sha256: The zip's SHA-256 in base64, as Lambda's CodeSha256 has it.
        size: Bytes.
        files: Every file's size by its path in the zip, to say what a later artifact changed: [bytes, CRC-32].

    """

    bucket: str
    key: str
    sha256: str
    size: int
    files: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PublishedImage:
    """An image where Lambda pulls it from.

    Attributes:
        uri: Of the repository in Amazon ECR, with the image's digest: REPOSITORY@sha256:DIGEST.
        size: Bytes of all its layers as they are kept, which is compressed.
        layers: By what they hold, the lowest first, the base as one: [bytes, digest].

    """

    uri: str
    size: int
    layers: Mapping[str, tuple[int, str]]

    @property
    def repository(self) -> str:
        """The repository's name in its registry."""
        return self.uri.partition("@")[0].partition("/")[2]

    @property
    def digest(self) -> str:
        """The image's digest."""
        return self.uri.partition("@")[2]


Published: TypeAlias = PublishedZip | PublishedImage
"""What a release runs."""


class Action(StrEnum):
    """What happens to one resource; the words are shown as they stand."""

    ADD = "add"
    CHANGE = "change"
    REPLACE = "replace"
    MAY_REPLACE = "may replace"
    REMOVE = "remove"
    KEEP = "leave behind"
    """It leaves the stack and stays in the account, by its DeletionPolicy."""
    IMPORT = "take over"
    """It exists already, left by an earlier stack, and becomes part of this one."""


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """One line of a change set.

    Attributes:
        logical_id: Its name in the template.
        kind: Such as AWS::Lambda::Function.
        physical_id: Its name in AWS; None before it exists.
        properties: Which properties change, sorted.

    """

    action: Action
    logical_id: str
    kind: str
    physical_id: str | None = None
    properties: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PermissionChange:
    """One action on one resource that somebody may do from now on, or no longer.

    Attributes:
        granted: True when it is new, False when it goes.
        to: Who may: "the function", or the service that invokes it, such as apigateway.amazonaws.com.
        effect: "Allow" or "Deny".
        action: Such as secretsmanager:GetSecretValue.
        resource: An ARN as far as it is known, "*", or the intrinsic function as JSON.
        condition: The condition as JSON, if there is one.

    """

    granted: bool
    to: str
    effect: str
    action: str
    resource: str
    condition: str | None = None


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file, or layer, of the artifact that is new, different or gone; bytes, None where there is no such one."""

    path: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class ArtifactChange:
    """The artifact against the one that is live.

    Attributes:
        type: What it is.
        size: Bytes of the zip, or of the image's layers, which are compressed.
        unpacked: Bytes of the zip's files; None of an image.
        previous_size: Bytes of the live one; None when nothing is live or it is the same.
        changed: False when it is byte for byte the live one.
        files: What differs of a zip; empty when nothing is live yet.
        layers: What differs of an image; all of it when nothing is live yet.

    """

    type: Literal["zip", "image"]
    size: int
    unpacked: int | None
    changed: bool
    previous_size: int | None = None
    files: tuple[FileChange, ...] = ()
    layers: tuple[FileChange, ...] = ()


@dataclass(frozen=True, slots=True)
class CostLine:
    """One thing that costs money: what, how much of it a month, and USD a month."""

    what: str
    quantity: str
    usd: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What the stack is estimated to cost a month at a stated load.

    Attributes:
        load: The load in words.
        lines: What it adds up from.
        prices: Where the prices are from, of which date and Region.
        unpriced: What costs as well and is not in the lines, because its price or amount is not known.

    """

    load: str
    lines: tuple[CostLine, ...]
    prices: str
    unpriced: tuple[str, ...] = ()

    @property
    def usd(self) -> float:
        """USD a month."""
        return sum(line.usd for line in self.lines)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a deployment would do.

    Attributes:
        stack_name: The stack.
        creates: True when there is no such stack yet.
        changes: What happens to each resource, in the template's order; empty when there is nothing to do.
        permissions: Every permission that comes or goes.
        artifact: What is deployed; None for a rollback or deployment that builds nothing.
        cost: The estimate.
        bootstrap: True when the account's artifact stack has to be made first.
        new_secrets: Names of secrets that are made first.
        left_out: Types the local cloud lacks, by the logical ids that are left out of the template.
        publishes: True when a new version is published and traffic moves to it after its health check.

    """

    stack_name: str
    creates: bool
    changes: tuple[ResourceChange, ...]
    permissions: tuple[PermissionChange, ...] = ()
    artifact: ArtifactChange | None = None
    cost: Cost | None = None
    bootstrap: bool = False
    new_secrets: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    publishes: bool = False

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.changes


Confirm: TypeAlias = Callable[[Plan], bool]
"""Is asked whether a plan is to be carried out."""


class ReleaseStatus(StrEnum):
    """How far a release came."""

    STARTED = "started"
    """Its change set was executed, and nobody has seen its end yet."""
    LIVE = "live"
    EARLIER = "earlier"
    """It was live until another one was."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Release:
    """A deployment as it is recorded.

    Attributes:
        number: 1, 2, 3 within a stack.
        at: When it was begun, UTC.
        by: The ARN of who did it.
        template_key: Where its template is in the artifact bucket.
        template_sha256: Its digest, in hexadecimal.
        artifact: What it runs.
        parameters: The stack's parameters; none is secret.
        version: The version of the function that answers HTTP; None until it is known.
        of: The number of the release that this one returns to; None unless it is a rollback.
        reason: Why it failed, in one line.
        stands_in: Whether its artifact only stood in for the service's folder, from which `dev` ran it.
        function_versions: The versions of all functions, by AWS's names of them; empty until they are known.

    """

    number: int
    at: datetime
    by: str
    status: ReleaseStatus
    template_key: str
    template_sha256: str
    artifact: Published
    parameters: Mapping[str, str]
    version: str | None = None
    of: int | None = None
    reason: str | None = None
    stands_in: bool = False
    function_versions: Mapping[str, str] = field(default_factory=dict)

    def versions(self, stack_name: str) -> Mapping[str, str]:
        """The versions of all functions of a stack; what was recorded before there were several knows one."""
        known = {stack_name: self.version} if self.version is not None else {}
        return self.function_versions or known


@dataclass(frozen=True, slots=True)
class Step:
    """A stage of the deployment that begins: `text` in the present participle, such as "Uploading 15.9 MB"."""

    text: str


@dataclass(frozen=True, slots=True)
class Remark:
    """Something worth knowing on the way; a warning when somebody should act on it."""

    text: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Progressed:
    """How far the step that is under way has come.

    Attributes:
        text: The step's.
        done: Of `total`; it may begin anew when a request has to be repeated.
        total: All that there is to do, more than nothing.

    """

    text: str
    done: int
    total: int


Happening: TypeAlias = Step | StackEvent | Remark | Progressed
Tell: TypeAlias = Callable[[Happening], None]
"""Is told what happens while it happens."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a deployment ended, when it ended well; everything else is an error.

    Attributes:
        plan: What was done.
        outputs: The stack's outputs by name, ApiUrl among them.
        release: What was recorded; None when there was nothing to do.
        seconds: How long it took.

    """

    plan: Plan
    outputs: Mapping[str, str]
    release: Release | None
    seconds: float


@dataclass(frozen=True, slots=True)
class StackState:
    """A stack as it stands.

    Attributes:
        status: CloudFormation's word, such as UPDATE_COMPLETE; None when there is no such stack.
        reason: CloudFormation's, when it gives one.
        version: The version behind the alias of the function that answers HTTP.
        weights: Other versions that get a share of the traffic now, by version.
        consumers: The versions behind the aliases of the functions that only consume, by AWS's names of these.
        live: The release that is live.
        drifted: The logical ids that differ from the template; None when it was not looked at.

    """

    name: str
    status: str | None
    updated: datetime | None = None
    reason: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)
    version: str | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    consumers: Mapping[str, str] = field(default_factory=dict)
    live: Release | None = None
    drifted: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Destruction:
    """What `destroy` would do.

    Attributes:
        goes: What is deleted with the stack.
        stays: What is left behind, with how to delete it, by its name: log groups, secrets, releases, versions.

    """

    stack_name: str
    goes: tuple[ResourceChange, ...]
    stays: Mapping[str, str]
