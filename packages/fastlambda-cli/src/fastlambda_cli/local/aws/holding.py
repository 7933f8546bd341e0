"""Who may use the emulator's state: one owner at a time, and only after an earlier owner's emulator is gone."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.processes import ProcessRegistry, start_time

_ORPHAN_GRACE_S = 4.0  # the launcher's own limit for a clean end is shorter
_POLL_S = 0.02


@contextlib.asynccontextmanager
async def held(directory: Path, processes: ProcessRegistry) -> AsyncIterator[int]:
    """Hold the directory while the block runs.

    The lock is inherited by the emulator, and so outlives an owner that was killed for as long as its emulator
    may still write. Such an emulator saves its state and ends by itself; one that does not is killed.

    Args:
        directory: What to hold.
        processes: Has the records of an earlier owner's processes; they are ended.

    Yields:
        The file descriptor of the lock, for the emulator to inherit.

    Raises:
        EmulatorError: Another process holds the directory.

    """
    path = directory / "lock"
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8") as file:
        if not await _take(file, path):
            processes.end_strays()
            if not await _take(file, path):
                raise EmulatorError(
                    "An emulator that an earlier start left behind cannot be ended",
                    why=f"it still holds {path}",
                    remedy=f"End the process that `fuser {path}` names, then start again.",
                )
        processes.end_strays()
        file.seek(0)
        file.truncate()
        json.dump({"pid": os.getpid(), "started": start_time(os.getpid())}, file)
        file.flush()
        yield file.fileno()


async def _take(file: IO[str], path: Path) -> bool:
    """Take the lock, waiting for the emulator of an owner that is no more; False when it takes too long."""
    deadline = time.monotonic() + _ORPHAN_GRACE_S
    while not _taken(file):
        owner = _living_owner(file)
        if owner is not None:
            raise EmulatorError(
                "The local AWS of this service is already running",
                why=f"process {owner} holds {path.parent}",
                remedy="Use that one, or end it first.",
            )
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_POLL_S)
    return True


def _taken(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _living_owner(file: IO[str]) -> int | None:
    """The process that wrote its name into the lock, if it still lives."""
    file.seek(0)
    try:
        record = json.load(file)
        pid = int(record["pid"])
    except (ValueError, KeyError):  # an owner that has not written its name yet: the next look will tell
        return None
    return pid if start_time(pid) == record["started"] else None
