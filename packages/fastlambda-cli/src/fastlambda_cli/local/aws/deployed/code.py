"""Deployment packages, unpacked once each."""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
import os
import shutil
import stat
import zipfile
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path, PurePosixPath

MAX_UNPACKED = 262_144_000
"""Bytes of a package when it is unpacked (AWS Lambda Developer Guide, "Lambda quotas")."""

KEPT = 4
"""Unpacked packages that stay besides those in use: those of the versions that a rollback may return to."""


class UnusableCodeError(Exception):
    """There is no package, or it cannot be unpacked; its text says why."""


class CodeStore:
    """A folder of unpacked packages, each in a folder named by its digest.

    Args:
        folder: Where they are; made if missing, entered by the user alone. One process at a time may use it.

    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = asyncio.Lock()

    async def unpacked(self, sha256: str, read: Callable[[], Awaitable[bytes | None]]) -> Path:
        """Return the folder of a package; unpack it first if it is not there.

        Args:
            sha256: The package's digest as Lambda has it, in base64.
            read: Fetches the package.

        Raises:
            UnusableCodeError: There is no package, or it cannot be unpacked.

        """
        place = self._folder / _folder_name(sha256)
        async with self._lock:  # versions with the same code are the same folder
            if place.exists():
                os.utime(place)
                return place
            package = await read()
            if not package:
                raise UnusableCodeError("no code was deployed")
            await asyncio.to_thread(_install, package, place)
            return place

    async def prune(self, in_use: Iterable[Path]) -> None:
        """Delete the packages that are not in use, but for the few that were used last."""
        await asyncio.to_thread(_prune, self._folder, frozenset(in_use))


def _folder_name(sha256: str) -> str:
    try:
        digest = base64.b64decode(sha256, validate=True)
    except (binascii.Error, ValueError) as problem:
        raise UnusableCodeError("no code was deployed: its digest is missing") from problem
    return digest.hex()


def _install(package: bytes, place: Path) -> None:
    """Unpack beside the place and move into it whole, so that a start that is cut short leaves nothing there."""
    aside = place.with_name(f"{place.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(mode=0o700, parents=True)
    try:
        unpack(package, aside)
        aside.rename(place)
    except OSError as problem:
        raise UnusableCodeError(f"it cannot be unpacked here: {problem}") from problem
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def unpack(package: bytes, folder: Path) -> None:
    """Unpack a package into an empty folder, and nowhere else.

    Raises:
        UnusableCodeError: It is no zip, is too large, or has an entry that would lie or lead outside.
        OSError: The disk is full, for example.

    """
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > MAX_UNPACKED:
                raise UnusableCodeError(f"it has {size:,} bytes when unpacked, and Lambda takes {MAX_UNPACKED:,}")
            for entry in archive.infolist():
                _check(entry)
                written = Path(archive.extract(entry, folder))
                if not entry.is_dir():
                    written.chmod(0o700 if entry.external_attr >> 16 & stat.S_IXUSR else 0o600)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as problem:
        raise UnusableCodeError(f"it is no zip that can be read: {problem}") from problem


def _check(entry: zipfile.ZipInfo) -> None:
    path = PurePosixPath(entry.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in entry.filename:
        raise UnusableCodeError(f"its entry {entry.filename!r} lies outside the package")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise UnusableCodeError(f"its entry {entry.filename!r} is a symbolic link, which is not followed here")


def _prune(folder: Path, in_use: frozenset[Path]) -> None:
    if not folder.exists():
        return
    unused = [place for place in folder.iterdir() if place not in in_use and not place.name.endswith(".partial")]
    unused.sort(key=lambda place: place.stat().st_mtime, reverse=True)
    for place in unused[KEPT:]:
        shutil.rmtree(place)
