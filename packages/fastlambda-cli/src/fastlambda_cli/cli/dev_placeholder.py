"""The artifact of a function that runs from its folder: a handler that says so, the same in every place."""

from __future__ import annotations

from pathlib import Path

from fastlambda_cli.artifact.archive import Entry, read_archive, write_archive
from fastlambda_cli.artifact.image.empty import empty_base
from fastlambda_cli.artifact.image.layers import read_layer, write_layer
from fastlambda_cli.artifact.image.manifest import image_of
from fastlambda_cli.artifact.image.model import Image, Layer
from fastlambda_cli.artifact.model import Artifact, Part
from fastlambda_cli.service.model import Runtime, Service


def placeholder(service: Service, runtime: Runtime, folder: Path) -> Artifact | Image:
    """Make the artifact, of the service's type of package.

    Args:
        service: The service.
        runtime: Lambda's Python.
        folder: An empty folder for the files.

    """
    handler = service.configuration.handler
    module, _, _ = handler.rpartition(".")
    reason = f"{service.name} runs from its folder here, while `fastlambda dev` runs; deploy it to run it without."
    entry = Entry(f"{module.replace('.', '/')}.py", f"raise RuntimeError({reason!r})\n".encode())
    if service.configuration.package.type == "image":
        layers = [(Part.PACKAGES, _layer(folder / "packages")), (Part.OWN, _layer(folder / "own", entry))]
        return image_of(empty_base(runtime), layers, handler=handler)
    write_archive(folder, [entry])
    archive = read_archive(folder)
    return Artifact(
        path=archive.path,
        sha256=bytes.fromhex(archive.sha256),
        size=archive.path.stat().st_size,
        unpacked=archive.unpacked,
        files=archive.files,
        packages=(),
    )


def _layer(folder: Path, *entries: Entry) -> Layer:
    folder.mkdir()
    write_layer(folder, entries)
    return read_layer(folder)
