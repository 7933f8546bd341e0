"""The base image: found by its name, pinned by its digest, and looked at before anything is put on top."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from fastlambda_cli.artifact.image.blobs import BlobStore, WrongDigestError
from fastlambda_cli.artifact.image.media_types import family_of
from fastlambda_cli.artifact.image.model import Base, Descriptor
from fastlambda_cli.artifact.image.pins import Pins
from fastlambda_cli.artifact.image.reference import Reference
from fastlambda_cli.artifact.image.refusals import is_final, unreachable
from fastlambda_cli.artifact.image.registry import ATTEMPTS, Moved, Registry, parsed
from fastlambda_cli.artifact.model import Platform
from fastlambda_cli.artifact.telling import Tell
from fastlambda_cli.errors import RegistryError, RegistryUnreachableError
from fastlambda_cli.service.model import Runtime, Service

ARCHITECTURES = {Platform.ARM64: "arm64", Platform.X86_64: "amd64"}
"""As the OCI image specification names them."""


def default_base(runtime: Runtime, platform: Platform) -> str:
    """AWS's own base image ("Using an AWS base image for Python", Lambda developer guide)."""
    return f"public.ecr.aws/lambda/python:{runtime.removeprefix('python')}-{platform}"


def base_of(service: Service, runtime: Runtime, platform: Platform) -> Reference:
    """What a service's image stands on: what package.base names, or else AWS's own.

    Raises:
        ConfigurationError: package.base names no image.

    """
    return Reference.parse(service.configuration.package.base or default_base(runtime, platform))


@dataclass(frozen=True, slots=True)
class Bases:
    """Finds base images.

    Attributes:
        registry: Where the base is.
        store: Keeps what comes from there.
        tell: Is told what takes time.
        moved: Is told how far each blob has come.

    """

    registry: Registry
    store: BlobStore
    tell: Tell
    moved: Moved

    async def find(self, reference: Reference, platform: Platform, pins: Pins, *, upgrade: bool = False) -> Base:
        """Find a base image; one that is pinned and has been here before needs no network.

        Args:
            reference: Its name.
            platform: For which; an index leads to the image for it.
            pins: Keeps the digest that a tag has now.
            upgrade: Whether to ask for that digest again.

        Raises:
            RegistryError: It is not to be had, or Lambda would not take an image on top of it.
            ConfigurationError: The pins cannot be read or written.
            ToolchainError: What has come cannot be kept.

        """
        pinned = reference.digest or (None if upgrade else pins.find(str(reference)))
        if pinned is None:
            self.tell(f"Asking for the digest of {reference}")
            with _naming_another_base():
                manifest = await self.registry.manifest(reference.repository, reference.selector)
            self.store.put_bytes(manifest.content)
            pinned = manifest.digest
        with _naming_another_base():
            base = await self._described(reference.at(pinned), platform)
        check_fit(base, str(reference), platform)
        if reference.digest is None and pinned != pins.find(str(reference)):
            pins.pin(str(reference), pinned)
            self.tell(f"Pinned {reference} to {pinned} in {pins.file.name}")
        return base

    async def blob(self, repository: str, blob: Descriptor) -> Path:
        """A blob of the base, from the store or else from the registry.

        Raises:
            RegistryError: The registry refuses, or what comes is not what was asked for, again and again.
            ToolchainError: It cannot be kept.

        """
        found = self.store.find(blob.digest)
        attempt = 0
        while found is None:
            attempt += 1
            try:
                found = await self.store.put(blob, self.registry.blob(repository, blob, self.moved))
            except httpx.TransportError as problem:
                if attempt == ATTEMPTS or is_final(problem):
                    raise unreachable(self.registry.host, problem) from problem
                await self.registry.pause(attempt)
            except WrongDigestError as problem:
                if attempt == ATTEMPTS:
                    raise RegistryError(
                        f"{self.registry.host} gave something else than {blob.digest}",
                        why=str(problem),
                        remedy="Something between here and the registry changes what it sends.",
                    ) from problem
                await self.registry.pause(attempt)
        return found

    async def _described(self, reference: Reference, platform: Platform) -> Base:
        digest = reference.selector
        document = await self._manifest(reference, digest)
        if "manifests" in document:
            digest = _for_platform(document, reference, platform)
            document = await self._manifest(reference, digest)
        with _well_formed(reference):
            family_of(document, str(reference))
            path = await self.blob(reference.repository, Descriptor.parse(document["config"]))
            config = parsed(path.read_bytes(), f"The configuration of {reference}")
            for layer in document["layers"]:
                Descriptor.parse(layer)
        return Base(reference.registry, reference.repository, digest, document, config)

    async def _manifest(self, reference: Reference, digest: str) -> Mapping[str, Any]:
        kept = self.store.find(digest)
        if kept is not None:
            content = kept.read_bytes()
        else:
            content = (await self.registry.manifest(reference.repository, digest)).content
            self.store.put_bytes(content)
        document = parsed(content, f"The manifest of {reference}")
        if not isinstance(document, dict):
            raise _unusable(reference, "its manifest is no object")
        return document


def check_fit(base: Base, name: str, platform: Platform) -> None:
    """Check what Lambda would find out only when the function is made, or started.

    Raises:
        RegistryError: Lambda would not take an image on this base, or not start it.

    """
    made_for = f"{base.config.get('os')}/{base.config.get('architecture')}"
    wanted = f"linux/{ARCHITECTURES[platform]}"
    if made_for != wanted:
        raise RegistryError(
            f"{name} is for {made_for}",
            why=f"the function needs {wanted}",
            remedy="Name the base for that, or change architecture in [tool.fastlambda].",
        )
    family = family_of(base.manifest, name)
    others = {layer.media_type for layer in base.layers} - {family.layer}
    if others:
        raise RegistryError(
            f"{name} has layers that Lambda does not take",
            why=f"besides {family.manifest} it takes {family.layer}, and there is {', '.join(sorted(others))}",
            remedy="Choose a base whose layers are compressed with gzip and of one family of media types.",
        )
    entrypoint = (base.config.get("config") or {}).get("Entrypoint") or [""]
    if not str(entrypoint[0]).startswith("/"):
        raise RegistryError(
            f"{name} has no entrypoint that Lambda could start",
            why=f"it is {entrypoint[0] or 'missing'}, and has to be an absolute path",
            remedy="Choose one of AWS's base images for Python, or an image made from one.",
        )


def _for_platform(index: Mapping[str, Any], reference: Reference, platform: Platform) -> str:
    """The digest of the image for a platform; attestations, which stand beside the images, are for none."""
    found = []
    for entry in index["manifests"]:
        made_for = entry.get("platform", {})
        found.append(f"{made_for.get('os')}/{made_for.get('architecture')}")
        if found[-1] == f"linux/{ARCHITECTURES[platform]}":
            with _well_formed(reference):
                return Descriptor.parse(entry).digest
    raise RegistryError(
        f"{reference} has no image for linux/{ARCHITECTURES[platform]}",
        why=f"it has {', '.join(sorted(set(found)))}",
        remedy="Name another base, or change architecture in [tool.fastlambda].",
    )


@contextlib.contextmanager
def _naming_another_base() -> Iterator[None]:
    """Say of a registry that cannot be reached that a base may also come from elsewhere."""
    try:
        yield
    except RegistryUnreachableError as problem:
        elsewhere = "Or name a copy of the base in a registry that is reached from here, with package.base or --base."
        remedy = " ".join(filter(None, (problem.remedy, elsewhere)))
        raise RegistryUnreachableError(problem.what, why=problem.why, remedy=remedy) from problem


@contextlib.contextmanager
def _well_formed(reference: Reference) -> Iterator[None]:
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        raise _unusable(reference, str(problem)) from problem


def _unusable(reference: Reference, why: str) -> RegistryError:
    return RegistryError(f"{reference} is no image", why=why, remedy="See that the name is that of an image.")
