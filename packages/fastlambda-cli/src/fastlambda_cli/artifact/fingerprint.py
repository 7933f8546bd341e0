"""Short names for what something is made from: the same for the same, and another for anything else."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

_NOT_SOURCES = frozenset({"__pycache__", "node_modules", "venv"})
_BUILT = frozenset({"build", "dist"})


def digest(*parts: str) -> str:
    """Sixteen hexadecimal digits that name these parts, in this order."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def fingerprint(path: Path) -> str:
    """Name the state of a wheel, or of a project's folder: another one whenever a file that may go into its wheel is.

    It looks at sizes and times and never into a file, so it holds on this machine only.
    """
    files = [path] if path.is_file() else sorted(_sources(path))
    seen: list[tuple[str, int, int]] = []
    for file in files:
        # An editor that writes aside and renames may take a file away between the listing and this look at it.
        with contextlib.suppress(FileNotFoundError):
            stat = file.stat()
            seen.append((str(file), stat.st_size, stat.st_mtime_ns))
    return digest(repr(seen))


def _sources(folder: Path) -> Iterator[Path]:
    """Every file of a project but what tools keep in it: caches, a virtual environment, what a build leaves."""
    for place, folders, files in os.walk(folder):
        others = _NOT_SOURCES | _BUILT if Path(place) == folder else _NOT_SOURCES
        folders[:] = [
            name for name in folders if not (name.startswith(".") or name in others or name.endswith(".egg-info"))
        ]
        yield from (Path(place, name) for name in files)
