"""A layer whose bytes are decided by the names, contents and modes of its files and by nothing else.

Lambda reads layers more strictly than Docker does: a folder has to stand in the same layer, before what is in it
(bazel-contrib/rules_aws, issue 96: `InvalidImage: MissingParentDirectory`), and the compression has to be gzip where
the media type says so.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from fastlambda_cli.artifact.archive import Entry
from fastlambda_cli.artifact.bytecode import TASK_ROOT
from fastlambda_cli.artifact.image.compression import Gzip
from fastlambda_cli.artifact.image.model import Layer
from fastlambda_cli.artifact.sealing import is_sealed, seal

FORMAT = "3"
"""Another one for every change of what is written for the same files."""

_LAYER = "layer.tar.gz"
_RECORD = "layer.json"


def write_layer(folder: Path, entries: Iterable[Entry]) -> None:
    """Write a layer with files below the task root, and what is known of it, into a folder, for `read_layer`.

    Args:
        folder: Where to; it exists.
        entries: The files, sorted by name.

    Raises:
        OSError: A file cannot be read, or the layer not be written.

    """
    uncompressed, unpacked = hashlib.sha256(), 0
    with (folder / _LAYER).open("wb") as target, Gzip(target) as layer:
        for part in _tar(entries):
            uncompressed.update(part)
            unpacked += len(part)
            layer.write(part)
    with (folder / _LAYER).open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    record = {
        "digest": f"sha256:{digest}",
        "size": (folder / _LAYER).stat().st_size,
        "diff_id": f"sha256:{uncompressed.hexdigest()}",
        "unpacked": unpacked,
    }
    (folder / _RECORD).write_text(json.dumps(record), encoding="utf-8")
    seal(folder / _LAYER, f"sha256:{digest}")


def read_layer(folder: Path) -> Layer:
    """Read what `write_layer` left in a folder; the layer itself is not looked at.

    Raises:
        OSError: The folder cannot be read.
        ValueError: What is there is damaged.

    """
    record: Any = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
    match record:
        case {"digest": str(digest), "size": int(size), "diff_id": str(diff_id), "unpacked": int(unpacked)}:
            return Layer(folder / _LAYER, digest, size, diff_id, unpacked)
    raise ValueError(f"{folder / _RECORD} is no record of a layer")


def is_sound(folder: Path) -> bool:
    """Whether the layer in a folder is still, byte for byte, the one that was written there."""
    try:
        layer = read_layer(folder)
        if is_sealed(layer.path, layer.digest):
            return True
        with layer.path.open("rb") as stream:
            return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}" == layer.digest
    except (OSError, ValueError):
        return False


def _tar(entries: Iterable[Entry]) -> Iterator[bytes]:
    """The bytes of the archive; no file's content is held for longer than it takes."""
    root = TASK_ROOT.removeprefix("/")
    size = 0
    folders: set[str] = set()
    for entry in entries:
        path = f"{root}/{entry.name}"
        for parent in reversed(PurePosixPath(path).parents[:-1]):
            if str(parent) not in folders:
                folders.add(str(parent))
                header = _header(f"{parent}/", tarfile.DIRTYPE, 0o755, 0)
                size += len(header)
                yield header
        content = entry.read()
        header = _header(path, tarfile.REGTYPE, 0o755 if entry.executable else 0o644, len(content))
        padding = b"\0" * (-len(content) % tarfile.BLOCKSIZE)
        size += len(header) + len(content) + len(padding)
        yield header
        yield content
        yield padding
    end = b"\0" * (2 * tarfile.BLOCKSIZE)
    yield end + b"\0" * (-(size + len(end)) % tarfile.RECORDSIZE)


def _header(name: str, kind: bytes, mode: int, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size = kind, mode, size
    if name.isascii():
        try:
            return info.tobuf(tarfile.USTAR_FORMAT)
        except ValueError:  # too long for a plain header
            pass
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")
