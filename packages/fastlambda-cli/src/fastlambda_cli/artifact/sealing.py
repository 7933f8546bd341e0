"""Files of the cache that nobody has touched since they were written, told without reading them.

Whatever writes to a file, or puts another in its place, changes its time of change, its size or its inode, and no
program can set the first (`stat(2)`, ctime). A file whose seal is missing or broken is read and hashed as ever: it may
have been restored from a backup.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

_SUFFIX = ".seal"
_TICK_S = 0.001
_TICKS = 50
"""Longer than a tick of any usual file system, whose clock may stand still for some milliseconds."""


def seal(file: Path, digest: str) -> None:
    """Write beside a file what it looks like now.

    The seal is younger than the file, so that what is written to the file after that cannot have the same time.

    Args:
        file: It is whole, and its digest known.
        digest: Its digest.

    Raises:
        OSError: The seal cannot be written.

    """
    for _ in range(_TICKS):
        _seal_of(file).write_text(json.dumps([digest, *_looks(file)]), encoding="ascii")
        if _is_younger(file):
            return
        time.sleep(_TICK_S)


def is_sealed(file: Path, digest: str) -> bool:
    """Whether a file is the one that was sealed with this digest.

    Raises:
        OSError: There is no such file.

    """
    try:
        kept = json.loads(_seal_of(file).read_bytes())
    except (OSError, ValueError):
        return False
    return bool(kept == [digest, *_looks(file)]) and _is_younger(file)


def _is_younger(file: Path) -> bool:
    return _seal_of(file).stat().st_mtime_ns > file.stat().st_ctime_ns


def _looks(file: Path) -> tuple[int, int, int, int]:
    status = file.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _seal_of(file: Path) -> Path:
    return file.with_name(file.name + _SUFFIX)
