"""An image from its base to where it goes: into a registry, into files, or both."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from fastlambda_cli.artifact.image.authentication import Logins
from fastlambda_cli.artifact.image.base import Bases, base_of
from fastlambda_cli.artifact.image.blobs import BlobStore
from fastlambda_cli.artifact.image.build import build_image
from fastlambda_cli.artifact.image.layout import write_folder, write_tar
from fastlambda_cli.artifact.image.model import Image
from fastlambda_cli.artifact.image.pins import PINS, Pins
from fastlambda_cli.artifact.image.push import Pushed, push
from fastlambda_cli.artifact.image.reference import Reference
from fastlambda_cli.artifact.image.registry import Moved, Registry
from fastlambda_cli.artifact.model import Platform
from fastlambda_cli.artifact.telling import Tell
from fastlambda_cli.service.model import Runtime, Service

_TAR = ".tar"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be made.

    Attributes:
        service: Of this service.
        runtime: Lambda's Python.
        platform: What the packages are for.
        base: What it stands on; None is what the service's configuration says, or AWS's own image for the runtime.
        upgrade_base: Whether to follow the base's tag to where it leads now.
        output: A folder, or a file that ends with .tar, to write it to.
        target: Where to push it.

    """

    service: Service
    runtime: Runtime
    platform: Platform
    base: Reference | None = None
    upgrade_base: bool = False
    output: Path | None = None
    target: Reference | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """What came of it; `pushed` is None when it was pushed nowhere."""

    image: Image
    pushed: Pushed | None


async def make_image(wanted: Wanted, *, cache: Path, logins: Logins, tell: Tell, moved: Moved) -> Made:
    """Build an image, and bring it to where it is wanted.

    Args:
        wanted: What.
        cache: The folder that keeps what is built and fetched.
        logins: Finds the logins for registries.
        tell: Is told what takes time, and warned of what deserves attention.
        moved: Is told how far each blob has come that is fetched or pushed.

    Raises:
        ArtifactError: The service's files or packages cannot be packed as they are, or are too large for Lambda.
        ConfigurationError: The lock does not cover the project's dependencies, or the pins cannot be used.
        RegistryError: A registry refuses, or is not reached.
        ToolchainError: uv, an interpreter or a package cannot be had, or something cannot be written.

    """
    service, target = wanted.service, wanted.target
    name = wanted.base or base_of(service, wanted.runtime, wanted.platform)
    async with _bases(name.registry, cache, logins, tell, moved) as bases:
        base = await bases.find(name, wanted.platform, Pins(service.root / PINS), upgrade=wanted.upgrade_base)
        image = await build_image(
            service, runtime=wanted.runtime, platform=wanted.platform, base=base, cache=cache, tell=tell
        )
        if wanted.output is not None:
            await _write(image, bases, wanted.output, name=f"{service.name.lower()}:latest")
    if target is None:
        return Made(image, None)
    tell(f"Pushing to {target}")
    return Made(image, await push_image(image, target, cache=cache, logins=logins, tell=tell, moved=moved))


async def push_image(
    image: Image, target: Reference, *, cache: Path, logins: Logins, tell: Tell, moved: Moved
) -> Pushed:
    """Push an image that was built.

    Args:
        image: What.
        target: Where to; without a tag it gets one of its digest.
        cache: The folder that keeps what is built and fetched.
        logins: Finds the logins for registries.
        tell: Is told what takes time.
        moved: Is told how far each blob has come.

    Raises:
        RegistryError: A registry refuses, or is not reached. What has been sent by then is found the next time.
        ToolchainError: What is fetched of the base cannot be kept.

    """
    async with contextlib.AsyncExitStack() as stack:
        bases = await stack.enter_async_context(_bases(image.base.registry, cache, logins, tell, moved))
        registry = bases.registry
        if target.registry != registry.host:
            registry = await stack.enter_async_context(Registry(target.registry, logins))
        return await push(image, target, registry, bases, moved)


@contextlib.asynccontextmanager
async def _bases(host: str, cache: Path, logins: Logins, tell: Tell, moved: Moved) -> AsyncIterator[Bases]:
    async with Registry(host, logins) as registry:
        yield Bases(registry, BlobStore(cache / "blobs"), tell, moved)


async def _write(image: Image, bases: Bases, output: Path, *, name: str) -> None:
    blobs = {layer.digest: layer.path for layer in image.layers}
    for blob in image.base.layers:
        blobs[blob.digest] = await bases.blob(image.base.repository, blob)
    write = write_tar if output.suffix == _TAR else write_folder
    write(image, blobs, output, name=name)
