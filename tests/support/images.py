"""Base images and images of small services, without a registry or in one."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from built_artifacts import HANDLER
from image_registry import ImageRegistry, digest_of

from fastlambda_cli.artifact.archive import Entry
from fastlambda_cli.artifact.image.authentication import Login
from fastlambda_cli.artifact.image.base import Bases
from fastlambda_cli.artifact.image.blobs import BlobStore
from fastlambda_cli.artifact.image.layers import read_layer, write_layer
from fastlambda_cli.artifact.image.manifest import image_of
from fastlambda_cli.artifact.image.media_types import DOCKER, Family
from fastlambda_cli.artifact.image.model import Base, Image, Layer
from fastlambda_cli.artifact.image.pins import PINS, Pins
from fastlambda_cli.artifact.image.push import Pushed, push
from fastlambda_cli.artifact.image.reference import Reference
from fastlambda_cli.artifact.image.registry import Registry
from fastlambda_cli.artifact.model import Part, Platform

REPOSITORY = "lambda/python"
_GZIP = 31
ENTRYPOINT = ["/lambda-entrypoint.sh"]


def tarred(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@dataclass
class BaseParts:
    """A base image as its registry holds it."""

    manifest: dict[str, Any]
    config: dict[str, Any]
    blobs: list[bytes]

    @property
    def content(self) -> bytes:
        return json.dumps(self.manifest).encode()

    def base(self, registry: str = "registry.example") -> Base:
        return Base(registry, REPOSITORY, digest_of(self.content), self.manifest, self.config)


def base_parts(
    *,
    family: Family = DOCKER,
    architecture: str = "arm64",
    layers: Sequence[bytes] = (b"one", b"two"),
    entrypoint: list[str] | None = ENTRYPOINT,
) -> BaseParts:
    """A base image whose layers hold a file each."""
    tars = [tarred({f"base/{number}": content}) for number, content in enumerate(layers)]
    compressed = [zlib.compress(tar, wbits=_GZIP) for tar in tars]  # gzip.compress differs between Pythons
    config = {
        "architecture": architecture,
        "os": "linux",
        "created": "2026-11-01T00:00:00Z",
        "container_config": {"Cmd": ["bash"]},
        "config": {"Entrypoint": entrypoint, "Env": ["LAMBDA_TASK_ROOT=/var/task"], "Labels": {"a": "b"}},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(tar) for tar in tars]},
        "history": [{"created_by": "AWS"} for _ in tars],
    }
    content = json.dumps(config).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": family.manifest,
        "config": {"mediaType": family.config, "digest": digest_of(content), "size": len(content)},
        "layers": [{"mediaType": family.layer, "digest": digest_of(blob), "size": len(blob)} for blob in compressed],
    }
    return BaseParts(manifest, config, [content, *compressed])


def put_base(registry: ImageRegistry, parts: BaseParts, tag: str = "3.13-arm64", repository: str = REPOSITORY) -> str:
    for blob in parts.blobs:
        registry.blob(repository, blob)
    return registry.manifest(repository, tag, parts.manifest)


def layer_of(folder: Path, files: dict[str, str | bytes], executable: Sequence[str] = ()) -> Layer:
    """A layer with these files."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = [
        Entry(name, content if isinstance(content, bytes) else content.encode(), executable=name in executable)
        for name, content in sorted(files.items())
    ]
    write_layer(folder, entries)
    return read_layer(folder)


def small_image(folder: Path, base: Base, *, big: bytes = b"", app: str = HANDLER["lambda_handler.py"]) -> Image:
    """An image of a package and a handler, without a build."""
    packages = layer_of(folder / "packages", {"idna/__init__.py": "", "idna/big.bin": big})
    own = layer_of(folder / hashlib.sha256(app.encode()).hexdigest(), {"lambda_handler.py": app})
    return image_of(base, [(Part.PACKAGES, packages), (Part.OWN, own)], handler="lambda_handler.handler")


@dataclass
class Client:
    """Finds bases and pushes images, as `fastlambda build --image` does; waits are counted and not waited."""

    folder: Path
    login: Login | None = None
    waited: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    progress: list[tuple[str, int]] = field(default_factory=list)

    @property
    def pins(self) -> Path:
        return self.folder / PINS

    def find(self, name: str, platform: Platform = Platform.ARM64, *, upgrade: bool = False) -> Base:
        reference = Reference.parse(name)

        async def run() -> Base:
            async with self._registry(reference.registry) as registry:
                return await self._bases(registry).find(reference, platform, Pins(self.pins), upgrade=upgrade)

        return asyncio.run(run())

    def push(self, image: Image, name: str) -> Pushed:
        target = Reference.parse(name, default_tag=None)

        async def run() -> Pushed:
            async with self._registry(target.registry) as registry, self._registry(image.base.registry) as source:
                return await push(image, target, registry, self._bases(source), self._moved)

        return asyncio.run(run())

    def _registry(self, host: str) -> Registry:
        return Registry(host, lambda _: self.login, sleep=self._sleep)

    def _bases(self, registry: Registry) -> Bases:
        return Bases(registry, BlobStore(self.folder / "blobs"), self._tell, self._moved)

    async def _sleep(self, seconds: float) -> None:
        self.waited.append(seconds)

    def _tell(self, text: str, /, *, warning: bool = False) -> None:
        self.said.append(f"warning: {text}" if warning else text)

    def _moved(self, blob: Any, done: int) -> None:
        self.progress.append((blob.digest, done))
