"""The image's configuration and manifest: the base's, with our layers, command and history."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fastlambda_cli.artifact.bytecode import TASK_ROOT
from fastlambda_cli.artifact.image.blobs import digest_of
from fastlambda_cli.artifact.image.media_types import family_of
from fastlambda_cli.artifact.image.model import Base, Descriptor, Image, Layer
from fastlambda_cli.artifact.model import NOTHING, LeftOut, Package, Part

_EPOCH = "1970-01-01T00:00:00Z"
_OF_DOCKER = frozenset({"container", "container_config", "docker_version"})
"""What an older Docker noted of the container that the base was made in."""


def image_of(
    base: Base,
    layers: Sequence[tuple[str, Layer]],
    *,
    handler: str,
    packages: tuple[Package, ...] = (),
    left_out: LeftOut = NOTHING,
    reused: frozenset[Part] = frozenset(),
) -> Image:
    """Put layers on a base.

    Args:
        base: Below; its entrypoint, environment and labels stay.
        layers: Ours, the lowest first, each with what it is.
        handler: What the entrypoint is to run.
        packages: The distributions in the layers.
        left_out: What of the lock is not in them.
        reused: What of them was in the cache already.

    """
    family = family_of(base.manifest, base.reference)
    config = _bytes(_config(base, layers, handler))
    descriptors = [*base.layers, *(Descriptor(family.layer, layer.digest, layer.size) for _, layer in layers)]
    manifest = _bytes(
        {
            "schemaVersion": 2,
            "mediaType": family.manifest,
            "config": Descriptor(family.config, digest_of(config), len(config)).document(),
            "layers": [descriptor.document() for descriptor in descriptors],
        }
    )
    return Image(
        manifest=manifest,
        media_type=family.manifest,
        digest=digest_of(manifest),
        config=config,
        base=base,
        layers=tuple(layer for _, layer in layers),
        packages=packages,
        left_out=left_out,
        reused=reused,
    )


def _config(base: Base, layers: Sequence[tuple[str, Layer]], handler: str) -> Mapping[str, Any]:
    kept = {key: value for key, value in base.config.items() if key not in _OF_DOCKER}
    rootfs = kept.get("rootfs", {})
    history = [{"created": _EPOCH, "created_by": f"fastlambda: {what}"} for what, _ in layers]
    return {
        **kept,
        "created": _EPOCH,
        # Base images that bring an interpreter of their own look for the handler where they are started.
        "config": {**kept.get("config", {}), "Cmd": [handler], "WorkingDir": TASK_ROOT},
        "rootfs": {**rootfs, "diff_ids": [*rootfs.get("diff_ids", ()), *(layer.diff_id for _, layer in layers)]},
        "history": [*kept.get("history", ()), *history],
    }


def _bytes(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
