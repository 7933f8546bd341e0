"""A zip whose bytes are decided by the names, contents and modes of its files and by nothing else."""

from __future__ import annotations

import json
import shutil
import stat
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

from fastlambda_cli.artifact.sealing import is_sealed, seal

FORMAT = "2"
"""Another one for every change of what is packed of the same input."""

_ZIP = "artifact.zip"
_MANIFEST = "manifest.json"
_DATE = (1980, 1, 1, 0, 0, 0)
"""The first one that a zip can hold."""
_LEVEL = 6
_UNIX = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the zip; `content` is what it holds or where that can be read."""

    name: str
    content: bytes | Path
    executable: bool = False

    def read(self) -> bytes:
        """What it holds.

        Raises:
            OSError: It cannot be read.

        """
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()


@dataclass(frozen=True, slots=True)
class Archive:
    """A zip in a folder of the cache, with what is known of it.

    Attributes:
        path: The zip.
        sha256: Of the zip, in hexadecimal.
        files: Every file's size and CRC-32 by its path in the zip.

    """

    path: Path
    sha256: str
    files: Mapping[str, tuple[int, int]]

    @property
    def unpacked(self) -> int:
        """Bytes of all its files."""
        return sum(size for size, _ in self.files.values())


def write_archive(folder: Path, entries: Iterable[Entry], *, base: Path | None = None) -> None:
    """Write a zip and what is known of it into a folder, for `read_archive`.

    Args:
        folder: Where to; it exists.
        entries: The files; they are written sorted by name.
        base: A zip whose files come first, byte for byte as they are there.

    Raises:
        OSError: A file cannot be read, or the zip not be written.

    """
    target = folder / _ZIP
    if base is not None:
        shutil.copyfile(base, target)
    with zipfile.ZipFile(target, "a" if base else "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as file:
        for entry in sorted(entries, key=lambda entry: entry.name):
            file.writestr(_info(entry), entry.read(), compresslevel=_LEVEL)
        files = {info.filename: (info.file_size, info.CRC) for info in file.infolist()}
    sha256 = _sha256(target)
    (folder / _MANIFEST).write_text(json.dumps({"sha256": sha256, "files": files}), encoding="utf-8")
    seal(target, sha256)


def read_archive(folder: Path) -> Archive:
    """Read what `write_archive` left in a folder; the zip itself is not looked at.

    Raises:
        OSError: The folder cannot be read.
        ValueError: What is there is damaged.

    """
    manifest: Any = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    try:
        return Archive(
            path=folder / _ZIP,
            sha256=manifest["sha256"],
            files={name: (size, crc) for name, (size, crc) in manifest["files"].items()},
        )
    except (AttributeError, KeyError, TypeError) as problem:
        raise ValueError(f"{folder / _MANIFEST} is no manifest") from problem


def is_sound(folder: Path) -> bool:
    """Whether the zip in a folder is still, byte for byte, the one that was written there."""
    try:
        archive = read_archive(folder)
        return is_sealed(archive.path, archive.sha256) or _sha256(archive.path) == archive.sha256
    except (OSError, ValueError):
        return False


def _info(entry: Entry) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(entry.name, _DATE)
    info.create_system = _UNIX
    info.external_attr = (stat.S_IFREG | (0o755 if entry.executable else 0o644)) << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
