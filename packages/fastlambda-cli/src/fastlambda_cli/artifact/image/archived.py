"""An image that another program has saved, read and made into what Lambda takes.

The archives of docker, podman and buildah differ: in whether they are an OCI layout or what `docker save` wrote before
version 25, and in whether layers are compressed. What comes out has one manifest, of OCI's family, and gzipped layers.
"""

from __future__ import annotations

import gzip
import json
import shutil
import tarfile
import zlib
from pathlib import Path
from typing import Any

from fastlambda_cli.artifact.image.base import ARCHITECTURES
from fastlambda_cli.artifact.image.compression import Gzip
from fastlambda_cli.artifact.image.kept import whole_image
from fastlambda_cli.artifact.image.layer_check import LayerContents, read_contents
from fastlambda_cli.artifact.image.model import MAX_UNPACKED, Descriptor, Image, Layer
from fastlambda_cli.artifact.installation import STATE
from fastlambda_cli.artifact.model import Platform, megabytes
from fastlambda_cli.errors import ArtifactError

_GZIP = b"\x1f\x8b"
_ZSTANDARD = b"\x28\xb5\x2f\xfd"
_ATTESTATION = "vnd.docker.reference.type"
_CHUNK = 2**20


def read_image(archive: Path, platform: Platform, folder: Path, work: Path) -> Image:
    """Read an archive, and check what Lambda would find out only when the function is made or started.

    Args:
        archive: A tar: an OCI archive or a docker archive.
        platform: What the image has to be for.
        folder: Where the layers are put; they have to stay there as long as the image is used.
        work: A folder for what is in the archive, which is made, and is of no use afterwards.

    Raises:
        ArtifactError: The archive holds no image, more than one, or one that Lambda does not take.
        OSError: It cannot be read, or the layers not be written.

    """
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(work, filter="data")
        config, files = _saved(work)
        document = json.loads(config)
        diff_ids = document["rootfs"]["diff_ids"]
        made_for = f"{document['os']}/{document['architecture']}"
    except (AttributeError, KeyError, TypeError, ValueError, tarfile.TarError) as problem:
        raise _refused("what the builder saved is no image", str(problem)) from problem
    if made_for != f"linux/{ARCHITECTURES[platform]}":
        raise _refused(f"it is for {made_for}", f"the function needs linux/{ARCHITECTURES[platform]}")
    # By file: what changes nothing makes the same layer again and again.
    read = {file: _layer(file, folder / f"{number}.tar.gz") for number, file in enumerate(dict.fromkeys(files))}
    layers = [read[file][0] for file in files]
    contents = [read[file][1] for file in files]
    if [layer.diff_id for layer in layers] != diff_ids:
        raise _refused("its layers are others than it says", "the archive is damaged")
    if (size := sum(layer.unpacked for layer in layers)) > MAX_UNPACKED:
        raise _refused(f"it would be {megabytes(size)}", f"Lambda takes {megabytes(MAX_UNPACKED)} with all layers")
    _check_secrets(contents)
    _check_entrypoint((document.get("config") or {}).get("Entrypoint"), contents)
    return whole_image(config, layers)


def _saved(folder: Path) -> tuple[bytes, list[Path]]:
    """The configuration and the files of the layers, the lowest first."""
    if not (folder / "index.json").exists():
        (saved,) = json.loads((folder / "manifest.json").read_bytes())
        return (folder / saved["Config"]).read_bytes(), [folder / layer for layer in saved["Layers"]]
    manifest = json.loads((folder / "index.json").read_bytes())
    while "manifests" in manifest:
        images = [each for each in manifest["manifests"] if _ATTESTATION not in (each.get("annotations") or {})]
        if len(images) != 1:
            raise _refused(f"it is {len(images)} images in one", "Lambda takes a single manifest")
        manifest = json.loads(_blob(folder, images[0]).read_bytes())
    return _blob(folder, manifest["config"]).read_bytes(), [_blob(folder, layer) for layer in manifest["layers"]]


def _blob(folder: Path, descriptor: Any) -> Path:
    return folder / "blobs" / Descriptor.parse(descriptor).digest.replace(":", "/")


def _layer(file: Path, target: Path) -> tuple[Layer, LayerContents]:
    with file.open("rb") as stream:
        start = stream.read(len(_ZSTANDARD))
        stream.seek(0)
        if start == _ZSTANDARD:
            raise _refused("its layers are compressed with Zstandard", "Lambda's documentation names gzip alone")
        if start.startswith(_GZIP):
            shutil.move(file, target)
        else:
            with target.open("wb") as written, Gzip(written) as layer:
                while part := stream.read(_CHUNK):
                    layer.write(part)
    try:
        contents = read_contents(target)
    except (EOFError, gzip.BadGzipFile, tarfile.TarError, zlib.error) as problem:
        raise _refused("a layer of it cannot be read", str(problem)) from problem
    if contents.orphan is not None:
        raise _refused(
            f"a layer has {contents.orphan} before the folder that it is in",
            "Lambda wants every folder in the same layer, before what is in it",
        )
    return Layer(target, contents.digest, target.stat().st_size, contents.diff_id, contents.unpacked), contents


def _check_secrets(contents: list[LayerContents]) -> None:
    """Refuse what `COPY .` takes along: whoever may pull the image could read the secrets of the local AWS."""
    for layer in contents:
        found = next((path for path in layer.links if STATE in path.split("/")), None)
        if found is not None:
            raise ArtifactError(
                f"The Dockerfile's image has /{found}",
                why="that is what is kept here of the local AWS, its secrets among it",
                remedy=f"Leave {STATE} out with a .dockerignore beside the Dockerfile.",
            )


def _check_entrypoint(entrypoint: list[str] | None, contents: list[LayerContents]) -> None:
    program = (entrypoint or [""])[0]
    if not program.startswith("/"):
        raise _refused(f"its ENTRYPOINT is {program or 'missing'}", "Lambda wants an absolute path")
    path = program.strip("/")
    link = next((layer.links[path] for layer in reversed(contents) if path in layer.links), None)
    if link:
        raise _refused(f"its ENTRYPOINT {program} is a symbolic link", f"Lambda follows none; it leads to {link}")


def _refused(what: str, why: str) -> ArtifactError:
    return ArtifactError(
        f"Lambda would not take the Dockerfile's image: {what}",
        why=why,
        remedy="Correct the Dockerfile; fastlambda dockerfile prints one that Lambda takes.",
    )
