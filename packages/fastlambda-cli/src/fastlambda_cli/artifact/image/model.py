"""What an image is made of, in the OCI image specification's words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastlambda_cli.artifact.model import NOTHING, LeftOut, Package, Part

MAX_UNPACKED = 10 * 2**30
"""Bytes of an image with all its layers uncompressed (Lambda developer guide, "Lambda quotas")."""

_HEX_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What names a blob or a manifest (OCI image specification, "Content Descriptors").

    Attributes:
        media_type: What it is.
        digest: `sha256:` and 64 hexadecimal digits.
        size: Bytes.

    """

    media_type: str
    digest: str
    size: int

    @classmethod
    def parse(cls, document: Any) -> Descriptor:
        """Read one from a manifest.

        Raises:
            ValueError: It is none.

        """
        match document:
            case {"mediaType": str(media_type), "digest": str(digest), "size": int(size)}:
                return cls(media_type, checked_digest(digest), size)
        raise ValueError("a descriptor lacks mediaType, digest or size")

    def document(self) -> dict[str, Any]:
        """As a manifest holds it."""
        return {"mediaType": self.media_type, "size": self.size, "digest": self.digest}


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer in a file.

    Attributes:
        digest: Of the file, which is compressed.
        size: Bytes of the file.
        diff_id: The digest of what is in it, uncompressed.
        unpacked: Bytes of that.

    """

    path: Path
    digest: str
    size: int
    diff_id: str
    unpacked: int


@dataclass(frozen=True, slots=True)
class Base:
    """The image below the service's own layers.

    Attributes:
        registry: Where it is, such as public.ecr.aws.
        repository: Its name there.
        digest: Of its manifest for one platform.
        manifest: That manifest.
        config: The configuration that the manifest names.

    """

    registry: str
    repository: str
    digest: str
    manifest: Mapping[str, Any]
    config: Mapping[str, Any]

    @property
    def reference(self) -> str:
        """What names it and nothing else."""
        return f"{self.registry}/{self.repository}@{self.digest}"

    @property
    def layers(self) -> tuple[Descriptor, ...]:
        """Its layers, the lowest first."""
        return tuple(Descriptor.parse(layer) for layer in self.manifest["layers"])


@dataclass(frozen=True, slots=True)
class Image:
    """An image that Lambda can run.

    Attributes:
        manifest: The bytes whose digest is the image's.
        media_type: The manifest's.
        digest: The image's.
        config: The bytes of its configuration.
        base: What it stands on.
        layers: Its own layers: the locked packages, then the service's files.
        packages: The locked packages, the heaviest first.
        left_out: What of the lock is not in it.
        reused: What of it was in the cache already.

    """

    manifest: bytes
    media_type: str
    digest: str
    config: bytes
    base: Base
    layers: tuple[Layer, ...]
    packages: tuple[Package, ...]
    left_out: LeftOut = NOTHING
    reused: frozenset[Part] = field(default=frozenset(), compare=False)

    @property
    def descriptors(self) -> tuple[Descriptor, ...]:
        """Its layers as the manifest names them, the base's first."""
        return tuple(Descriptor.parse(layer) for layer in json.loads(self.manifest)["layers"])

    @property
    def config_descriptor(self) -> Descriptor:
        """The configuration as the manifest names it."""
        return Descriptor.parse(json.loads(self.manifest)["config"])

    @property
    def size(self) -> int:
        """Bytes of all its layers, compressed, with the base's."""
        return sum(layer.size for layer in self.descriptors)


def is_digest(text: str) -> bool:
    """Whether a text is a digest of SHA-256, the only algorithm that registries have in common."""
    algorithm, _, value = text.partition(":")
    return algorithm == "sha256" and len(value) == _HEX_DIGITS and not set(value) - set("0123456789abcdef")


def checked_digest(text: str) -> str:
    """Return a digest that is one.

    Raises:
        ValueError: It is not; nothing else may ever name a file of the store, or a part of a URL.

    """
    if not is_digest(text):
        raise ValueError(f"{text!r} is no sha256 digest")
    return text
