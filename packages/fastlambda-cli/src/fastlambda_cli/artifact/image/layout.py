"""An image as files: a folder in the OCI layout, or the same in a tar that docker and podman load.

The tar is an OCI archive and a docker archive at once: beside the OCI layout it has the `manifest.json` of
`docker save`, whose paths lead to the same blobs. Docker itself writes it like that since version 25.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fastlambda_cli.artifact.image.model import Image
from fastlambda_cli.errors import ToolchainError

_VERSION = b'{"imageLayoutVersion":"1.0.0"}'


def write_folder(image: Image, blobs: Mapping[str, Path], target: Path, *, name: str) -> None:
    """Write an image as an OCI layout; what is there of an earlier one is replaced.

    Args:
        image: What.
        blobs: The file of each of its layers, by digest.
        target: A folder; it is made, may be empty, or may hold an OCI layout.
        name: What the image is called in it, such as books:latest.

    Raises:
        ToolchainError: The folder cannot be written, or holds something else. What was there stays then.

    """
    if target.exists() and not (target / "oci-layout").exists() and (not target.is_dir() or any(target.iterdir())):
        raise ToolchainError(
            f"{target} is something else than an image",
            why="it holds files, and none is an oci-layout",
            remedy="Name a folder that is empty or not there, or a file that ends with .tar.",
        )
    with _written(target), tempfile.TemporaryDirectory(dir=_folder_of(target), prefix=".image-") as work:
        made = Path(work, "image")
        for path, content in _files(image, blobs, name):
            file = made / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                file.write_bytes(content)
            else:
                shutil.copyfile(content, file)
        if target.exists():
            target.rename(Path(work, "before"))
        made.rename(target)


def write_tar(image: Image, blobs: Mapping[str, Path], target: Path, *, name: str) -> None:
    """Write an image as one file for `podman load`, `docker load` and skopeo.

    Args:
        image: What.
        blobs: The file of each of its layers, by digest.
        target: The file; one that is there is replaced.
        name: What the image is called once it is loaded, such as books:latest.

    Raises:
        ToolchainError: The file cannot be written. One that was there stays then.

    """
    layers = [_blob(descriptor.digest) for descriptor in image.descriptors]
    archive = [{"Config": _blob(image.config_descriptor.digest), "RepoTags": [name], "Layers": layers}]
    files = [*_files(image, blobs, name), ("manifest.json", _json(archive))]
    with _written(target), tempfile.TemporaryDirectory(dir=_folder_of(target), prefix=".image-") as work:
        made = Path(work, "image.tar")
        with tarfile.open(made, "w", format=tarfile.USTAR_FORMAT) as tar:
            for path, content in files:
                info = tarfile.TarInfo(path)
                info.mode = 0o644
                if isinstance(content, bytes):
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
                else:
                    info.size = content.stat().st_size
                    with content.open("rb") as stream:
                        tar.addfile(info, stream)
        made.replace(target)


def _files(image: Image, blobs: Mapping[str, Path], name: str) -> Iterator[tuple[str, bytes | Path]]:
    yield "oci-layout", _VERSION
    yield "index.json", _json(_index(image, name))
    yield _blob(image.digest), image.manifest
    yield _blob(image.config_descriptor.digest), image.config
    for digest in dict.fromkeys(descriptor.digest for descriptor in image.descriptors):
        yield _blob(digest), blobs[digest]


def _index(image: Image, name: str) -> Mapping[str, Any]:
    config = json.loads(image.config)
    named = {"org.opencontainers.image.ref.name": name.rpartition(":")[2], "io.containerd.image.name": name}
    manifest = {
        "mediaType": image.media_type,
        "digest": image.digest,
        "size": len(image.manifest),
        "platform": {"os": config["os"], "architecture": config["architecture"]},
        "annotations": named,
    }
    return {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [manifest],
    }


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _folder_of(target: Path) -> Path:
    folder = target.absolute().parent
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def _written(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise ToolchainError(
            f"Cannot write {target}",
            why=problem.strerror or str(problem),
            remedy="See that its folder can be written to and the disk has room, then start again.",
        ) from problem
