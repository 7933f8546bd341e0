"""An image on its way into a registry: only what is not there yet, and the manifest last."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastlambda_cli.artifact.image.base import Bases
from fastlambda_cli.artifact.image.model import Descriptor, Image
from fastlambda_cli.artifact.image.reference import Reference
from fastlambda_cli.artifact.image.registry import Moved, Registry
from fastlambda_cli.artifact.image.uploading import Uploads
from fastlambda_cli.errors import RegistryError

_AT_ONCE = 4
_TAG_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push has come to.

    Attributes:
        reference: Names the image in the registry by its digest.
        tag: Under which it is there as well.
        uploaded: Bytes of the blobs that were sent.
        mounted: Bytes that the registry took over from another of its repositories.
        present: Whether the image was there already, and nothing was sent.

    """

    reference: Reference
    tag: str
    uploaded: int
    mounted: int
    present: bool


async def push(image: Image, target: Reference, registry: Registry, bases: Bases, moved: Moved) -> Pushed:
    """Push an image.

    Args:
        image: What.
        target: Where to; without a tag it gets one of its digest, which no registry with immutable tags minds.
        registry: Of the target.
        bases: Fetches what is not there of the base.
        moved: Is told how far each blob has come.

    Raises:
        RegistryError: A registry refuses, or is not reached. What has been sent by then is found the next time.
        ToolchainError: What is fetched of the base cannot be kept.

    """
    tag = target.tag or image.digest.removeprefix("sha256:")[:_TAG_DIGITS]
    return await _Push(image, target, tag, registry, bases, moved).run()


class _Push:
    def __init__(
        self, image: Image, target: Reference, tag: str, registry: Registry, bases: Bases, moved: Moved
    ) -> None:
        self._image = image
        self._target = target
        self._tag = tag
        self._registry = registry
        self._bases = bases
        base = image.base
        self._mountable = base.registry == target.registry and base.repository != target.repository
        scope = f"repository:{target.repository}:pull,push"
        self._scope = f"{scope} repository:{base.repository}:pull" if self._mountable else scope
        self._uploads = Uploads(registry, target.repository, scope=self._scope, moved=moved)
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._uploaded = 0
        self._mounted = 0

    async def run(self) -> Pushed:
        image, repository = self._image, self._target.repository
        if await self._digest_there() == image.digest:
            return self._done(present=True)
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder, "config.json")
            config.write_bytes(image.config)
            paths = {layer.digest: layer.path for layer in image.layers}
            # By digest: a layer may stand in a manifest twice.
            blobs = {blob.digest: blob for blob in (*image.descriptors, image.config_descriptor)}
            paths[image.config_descriptor.digest] = config
            await _all(*(self._bring(blob, paths.get(digest)) for digest, blob in blobs.items()))
        await self._registry.put_manifest(
            repository, self._tag, image.manifest, media_type=image.media_type, scope=self._scope
        )
        found = await self._digest_there()
        if found != image.digest:
            raise RegistryError(
                f"{self._registry.host} keeps something else than what was pushed",
                why=f"{repository}:{self._tag} is {found or 'not there'}, and not {image.digest}",
                remedy="Somebody else may have pushed the same tag: push again, or with another tag.",
            )
        return self._done(present=False)

    async def _digest_there(self) -> str | None:
        return await self._registry.manifest_digest(self._target.repository, self._tag, scope=self._scope)

    async def _bring(self, blob: Descriptor, path: Path | None) -> None:
        """Bring a blob into the repository; without a path it is one of the base's."""
        base = self._image.base.repository
        async with self._places:
            if await self._registry.has_blob(self._target.repository, blob.digest, scope=self._scope):
                return
            if path is None and self._mountable and await self._uploads.mount(blob.digest, base):
                self._mounted += blob.size
                return
            await self._uploads.upload(blob, path or await self._bases.blob(base, blob))
            self._uploaded += blob.size

    def _done(self, *, present: bool) -> Pushed:
        reference = self._target.at(self._image.digest)
        return Pushed(reference, self._tag, self._uploaded, self._mounted, present)


async def _all(*steps: Coroutine[Any, Any, None]) -> None:
    """Run every step; the first that fails ends the others, and is what is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(step)
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
