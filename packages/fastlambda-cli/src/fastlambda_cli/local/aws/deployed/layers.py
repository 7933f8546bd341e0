"""The layers of a function's image, written where they belong and nowhere else."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from fastlambda_cli.artifact.bytecode import TASK_ROOT
from fastlambda_cli.artifact.image.model import MAX_UNPACKED
from fastlambda_cli.local.aws.deployed.unpacking import Manifest, Unpacked, UnusableCodeError, shared, write

_WHITEOUT = ".wh."
"""What a layer deletes of those below it (OCI image specification, "Whiteouts")."""


def unpack_layers(layers: Sequence[bytes], folder: Path, earlier: Unpacked | None = None) -> Manifest:
    """Write what layers have below the task root into an empty folder, as `unpacking.unpack` does with a zip.

    Args:
        layers: Compressed with gzip, the lowest first.
        folder: Where to; it exists.
        earlier: A package whose files to share.

    Returns:
        What is in it.

    Raises:
        UnusableCodeError: A layer cannot be read, or they are too large together, or one has an entry that is no file.
        OSError: The disk is full, for example.

    """
    manifest: Manifest = {}
    size = 0
    # From the top: what an upper layer has is not what a lower one says.
    for layer in reversed(layers):
        for entry, name, content in _files(layer):
            if name in manifest:
                continue
            size += len(content)
            if size > MAX_UNPACKED:
                raise UnusableCodeError(f"it has more than the {MAX_UNPACKED:,} bytes unpacked that Lambda takes")
            manifest[name] = found = (zlib.crc32(content), len(content), 0o500 if entry.mode & 0o100 else 0o400)
            (folder / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if earlier is None or not shared(name, found, folder, earlier):
                write(folder / name, content, found[2])
    return manifest


def _files(layer: bytes) -> Iterator[tuple[tarfile.TarInfo, str, bytes]]:
    """The files of a layer below the task root, by their path from there."""
    try:
        with gzip.open(io.BytesIO(layer)) as stream, tarfile.open(fileobj=stream) as tar:
            for entry in tar:
                path = PurePosixPath("/", entry.name)
                if ".." in path.parts:
                    raise UnusableCodeError(f"its entry {entry.name!r} leads outside")
                if entry.isdir() or not path.is_relative_to(TASK_ROOT):
                    continue
                file = tar.extractfile(entry) if entry.isreg() else None
                if file is None or path.name.startswith(_WHITEOUT):
                    raise UnusableCodeError(f"its entry {entry.name!r} is neither a file nor a folder")
                yield entry, str(path.relative_to(TASK_ROOT)), file.read()
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise UnusableCodeError(f"a layer cannot be read: {problem}") from problem
