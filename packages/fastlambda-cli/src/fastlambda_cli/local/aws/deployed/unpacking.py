"""A deployment package's files, written where they belong and nowhere else."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeAlias

MAX_UNPACKED = 262_144_000
"""Bytes of a package when it is unpacked (AWS Lambda Developer Guide, "Lambda quotas")."""

Manifest: TypeAlias = dict[str, tuple[int, int, int]]
"""Every file by its path in the package: CRC-32, bytes, and permissions."""


class UnusableCodeError(Exception):
    """There is no package, or it cannot be unpacked; its text says why."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A package that was unpacked earlier, whose files may be shared: nobody may write to them.

    Attributes:
        folder: Where it is.
        manifest: What is in it.

    """

    folder: Path
    manifest: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)


def unpack(package: bytes, folder: Path, earlier: Unpacked | None = None) -> Manifest:
    """Unpack a package into an empty folder.

    Files are the user's alone and read-only, as everything in /var/task is on Lambda. A file that an earlier package
    had is the same file on the disk: from one version of a service to the next, nearly all are.

    Args:
        package: The zip.
        folder: Where to; it exists.
        earlier: A package whose files to share.

    Returns:
        What is in it.

    Raises:
        UnusableCodeError: It is no zip, is too large, or has an entry that would lie or lead outside.
        OSError: The disk is full, for example.

    """
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            entries = archive.infolist()
            _check(entries)
            manifest = {
                entry.filename: (entry.CRC, entry.file_size, _mode(entry)) for entry in entries if not entry.is_dir()
            }
            for place in sorted({_folder_of(entry) for entry in entries}):
                (folder / place).mkdir(mode=0o700, parents=True, exist_ok=True)
            shared = _shared(manifest, folder, earlier) if earlier is not None else frozenset()
            for name in manifest.keys() - shared:
                write(folder / name, archive.read(name), manifest[name][2])
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as problem:
        raise UnusableCodeError(f"it is no zip that can be read: {problem}") from problem
    return manifest


def _check(entries: list[zipfile.ZipInfo]) -> None:
    size = sum(entry.file_size for entry in entries)
    if size > MAX_UNPACKED:
        raise UnusableCodeError(f"it has {size:,} bytes when unpacked, and Lambda takes {MAX_UNPACKED:,}")
    for entry in entries:
        path = PurePosixPath(entry.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in entry.filename:
            raise UnusableCodeError(f"its entry {entry.filename!r} lies outside the package")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise UnusableCodeError(f"its entry {entry.filename!r} is a symbolic link, which is not followed here")


def _mode(entry: zipfile.ZipInfo) -> int:
    return 0o500 if entry.external_attr >> 16 & stat.S_IXUSR else 0o400


def _folder_of(entry: zipfile.ZipInfo) -> PurePosixPath:
    path = PurePosixPath(entry.filename)
    return path if entry.is_dir() else path.parent


def _shared(manifest: Manifest, folder: Path, earlier: Unpacked) -> frozenset[str]:
    """Link what the earlier package has as well; return what was linked."""
    return frozenset(name for name, content in manifest.items() if shared(name, content, folder, earlier))


def shared(name: str, content: tuple[int, int, int], folder: Path, earlier: Unpacked) -> bool:
    """Make a file the same on the disk as in an earlier package, if that has it; return whether it has.

    Args:
        name: Its path in the package.
        content: As the manifest has it.
        folder: Where the package is unpacked.
        earlier: The earlier one.

    """
    if earlier.manifest.get(name) != content:
        return False
    try:
        os.link(earlier.folder / name, folder / name)
    except OSError:  # it is gone, or has as many names as the disk allows: then it is written once more
        return False
    return True


def write(path: Path, content: bytes, mode: int) -> None:
    """Write a file that is not there yet."""
    # O_EXCL: a second entry of the same name would otherwise write into a file that is shared.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
