"""Deployment packages, unpacked once each."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TypeAlias

from fastlambda_cli.local.aws.deployed.unpacking import Manifest, Unpacked, UnusableCodeError

Unpack: TypeAlias = Callable[[Path, Unpacked | None], Manifest]
"""Unpacks a package into a folder, sharing the files of an earlier one, and returns what is in it."""

KEPT = 4
"""Unpacked packages that stay besides those in use: those of the versions that a rollback may return to."""


class CodeStore:
    """A folder of unpacked packages, each in a folder named by its digest.

    Args:
        folder: Where they are; made if missing, entered by the user alone. One process at a time may use it.

    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = asyncio.Lock()

    async def unpacked(self, digest: str, read: Callable[[], Awaitable[Unpack]]) -> Path:
        """Return the folder of a package; unpack it first if it is not there.

        Args:
            digest: The package's, in hexadecimal.
            read: Fetches the package; what it returns unpacks it.

        Raises:
            UnusableCodeError: There is no package, or it cannot be unpacked.

        """
        place = self._folder / digest
        async with self._lock:  # versions with the same code are the same folder
            if _whole(place):
                os.utime(place)
                return place
            await asyncio.to_thread(_install, await read(), place)
            return place

    async def prune(self, in_use: Iterable[Path]) -> None:
        """Delete the packages that are not in use, but for the few that were used last."""
        async with self._lock:
            await asyncio.to_thread(_prune, self._folder, frozenset(in_use))


def _install(unpack: Unpack, place: Path) -> None:
    """Unpack beside the place and move into it whole, so that a start that is cut short leaves nothing there."""
    aside = place.with_name(f"{place.name}.partial")
    for remains in (aside, place):
        shutil.rmtree(remains, ignore_errors=True)
    aside.mkdir(mode=0o700, parents=True)
    try:
        manifest = unpack(aside, _newest(place.parent))
        _manifest_of(place).write_text(json.dumps(manifest), encoding="utf-8")
        aside.rename(place)
    except OSError as problem:
        raise UnusableCodeError(f"it cannot be unpacked here: {problem}") from problem
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _newest(folder: Path) -> Unpacked | None:
    """The package that was used last: most likely the version before."""
    places = _by_age(folder)
    if not places:
        return None
    manifest = json.loads(_manifest_of(places[0]).read_text(encoding="utf-8"))
    return Unpacked(places[0], {name: (crc, size, mode) for name, (crc, size, mode) in manifest.items()})


def _prune(folder: Path, in_use: frozenset[Path]) -> None:
    for place in [place for place in _by_age(folder) if place not in in_use][KEPT:]:
        # The manifest first: what is cut short is then no package any more.
        _manifest_of(place).unlink()
        shutil.rmtree(place)
    for remains in [path for path in folder.glob("*") if path.is_dir() and not _whole(path)]:
        shutil.rmtree(remains)


def _whole(place: Path) -> bool:
    """Whether a package is unpacked here, and not what an earlier release or a deletion that was cut short left."""
    return place.is_dir() and _manifest_of(place).is_file()


def _by_age(folder: Path) -> list[Path]:
    """The unpacked packages, the one that was used last first."""
    places = [path for path in folder.glob("*") if _whole(path)]
    return sorted(places, key=lambda place: place.stat().st_mtime, reverse=True)


def _manifest_of(place: Path) -> Path:
    return place.with_name(f"{place.name}.json")
