"""From a service to its container image."""

from __future__ import annotations

from pathlib import Path

from fastlambda_cli.artifact.image.compression import is_usual_compressor
from fastlambda_cli.artifact.image.layers import FORMAT, is_sound, read_layer, write_layer
from fastlambda_cli.artifact.image.manifest import image_of
from fastlambda_cli.artifact.image.model import MAX_UNPACKED, Base, Image, Layer
from fastlambda_cli.artifact.installation import installed, keep_newest
from fastlambda_cli.artifact.model import Part, Platform, megabytes
from fastlambda_cli.artifact.packed import Packing
from fastlambda_cli.artifact.parts import Parts, parts_of, reused_of
from fastlambda_cli.artifact.telling import Tell
from fastlambda_cli.errors import ArtifactError
from fastlambda_cli.service.model import Runtime, Service

LAYER = Packing(f"layer {FORMAT}", write_layer, is_sound, for_lambda=False)
"""Packages for an image, which other platforms run too, and whose base may have no SDK."""

_KEPT_OWN = 3


async def build_image(
    service: Service, *, runtime: Runtime, platform: Platform, base: Base, cache: Path, tell: Tell
) -> Image:
    """Build a service's image, with the layers that are in the cache already.

    Args:
        service: The service.
        runtime: Lambda's Python.
        platform: What the packages are for.
        base: What the image stands on.
        cache: The folder that keeps what is built, of this service and of others.
        tell: Is told what takes time, and warned of what deserves attention.

    Raises:
        ArtifactError: The service's files or packages cannot be packed as they are, or are too large for Lambda.
        ConfigurationError: The lock does not cover the project's dependencies.
        ToolchainError: uv, an interpreter or a package cannot be had, or the cache cannot be written.

    """
    if not is_usual_compressor():
        tell("This Python compresses in a way of its own: elsewhere the image will have another digest", warning=True)
    parts = await parts_of(
        service, packing=LAYER, runtime=runtime, platform=platform, cache=cache, tell=tell, limit=MAX_UNPACKED
    )
    dependencies = read_layer(parts.packed.folder)
    own, own_reused = await _own(service, parts, cache, tell)
    unpacked = dependencies.unpacked + own.unpacked
    if unpacked > MAX_UNPACKED:
        raise ArtifactError(
            f"The image's own layers would be {megabytes(unpacked)} uncompressed",
            why=f"Lambda takes {megabytes(MAX_UNPACKED)} with the base",
            remedy="Remove a dependency, or leave files out with package.exclude.",
        )
    return image_of(
        base,
        [(Part.PACKAGES, dependencies), (Part.OWN, own)],
        handler=service.configuration.handler,
        packages=parts.packed.packages,
        left_out=parts.packed.left_out,
        reused=reused_of(parts.packed, own=own_reused),
    )


async def _own(service: Service, parts: Parts, cache: Path, tell: Tell) -> tuple[Layer, bool]:
    place = await parts.place_in(cache / "layers" / "own" / service.name, FORMAT, sound=is_sound)
    reused = True

    async def fill(folder: Path) -> None:
        nonlocal reused
        reused = False
        entries = sorted((*parts.own, *await parts.bytecode(tell)), key=lambda entry: entry.name)
        write_layer(folder, entries)

    await installed(place, fill, tell, what=f"the layer of {service.name}", verb="make", sound=is_sound)
    keep_newest(place, _KEPT_OWN)
    return read_layer(place), reused
