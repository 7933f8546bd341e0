"""An image that another program has made, in a folder of the cache: its configuration, its layers, what they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastlambda_cli.artifact.image.blobs import digest_of
from fastlambda_cli.artifact.image.media_types import OCI
from fastlambda_cli.artifact.image.model import Base, Descriptor, Image, Layer

FORMAT = "1"
"""Another one for every change of what is made of the same image."""

_CONFIG = "config.json"
_RECORD = "layers.json"


def whole_image(config: bytes, layers: Sequence[Layer]) -> Image:
    """Put an image together that is all its own: nothing of it has to be fetched from anywhere.

    Args:
        config: The bytes of its configuration.
        layers: All its layers, the lowest first, compressed with gzip.

    """
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI.manifest,
            "config": Descriptor(OCI.config, digest_of(config), len(config)).document(),
            "layers": [Descriptor(OCI.layer, layer.digest, layer.size).document() for layer in layers],
        },
        separators=(",", ":"),
    ).encode()
    return Image(
        manifest=manifest,
        media_type=OCI.manifest,
        digest=digest_of(manifest),
        config=config,
        base=Base("nowhere", "dockerfile", digest_of(manifest), {"layers": []}, {}),
        layers=tuple(layers),
        packages=(),
    )


def keep_image(folder: Path, image: Image) -> None:
    """Write beside an image's layers what else it takes, for `kept_image`.

    Args:
        folder: Holds its layers.
        image: One of `whole_image`.

    Raises:
        OSError: It cannot be written.

    """
    (folder / _CONFIG).write_bytes(image.config)
    layers = [
        {
            "file": layer.path.name,
            "digest": layer.digest,
            "size": layer.size,
            "diff_id": layer.diff_id,
            "unpacked": layer.unpacked,
        }
        for layer in image.layers
    ]
    record = {"digest": image.digest, "layers": layers}
    (folder / _RECORD).write_text(json.dumps(record), encoding="utf-8")


def kept_image(folder: Path) -> Image:
    """Read what `keep_image` left in a folder, which may have moved since; the layers are not looked at.

    Raises:
        OSError: The folder cannot be read.
        ValueError: What is there is damaged.

    """
    record: Any = json.loads((folder / _RECORD).read_bytes())
    match record:
        case {"digest": str(digest), "layers": list(layers)}:
            image = whole_image((folder / _CONFIG).read_bytes(), [_layer(folder, layer) for layer in layers])
            if image.digest == digest:
                return image
    raise ValueError(f"{folder / _RECORD} is no record of an image")


def is_sound(folder: Path) -> bool:
    """Whether the image in a folder is still, byte for byte, the one that was kept there."""
    try:
        return all(_digest(layer.path) == layer.digest for layer in kept_image(folder).layers)
    except (OSError, ValueError):
        return False


def _layer(folder: Path, record: Any) -> Layer:
    match record:
        case {
            "file": str(file),
            "digest": str(digest),
            "size": int(size),
            "diff_id": str(diff_id),
            "unpacked": int(unpacked),
        }:
            return Layer(folder / file, digest, size, diff_id, unpacked)
    raise ValueError(f"{record!r} is no record of a layer")


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
