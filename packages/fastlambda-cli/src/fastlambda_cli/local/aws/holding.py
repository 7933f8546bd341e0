"""Who may use the emulator's state: one owner at a time, and only after an earlier owner's child is gone."""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from pathlib import Path
from typing import IO

from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.processes import ProcessRegistry

_ORPHAN_GRACE_S = 3.0
_KILLED_S = 5.0
_POLL_S = 0.02


class Holding:
    """Two locks on a state directory, held until `release`, or until this process is no more.

    The first is this process's alone. The second is inherited by the emulator and so outlives an owner that was
    killed, for as long as its emulator still writes.

    Attributes:
        child_fd: The file descriptor that carries the second lock into the child.

    """

    def __init__(self, owner: IO[str], child: IO[str]) -> None:
        self._files = (owner, child)
        self.child_fd = child.fileno()

    def release(self) -> None:
        """Give both locks back."""
        for file in self._files:
            file.close()


async def hold(directory: Path, processes: ProcessRegistry) -> Holding:
    """Take the directory; what an owner that died left running may save its state first, and is then ended.

    Raises:
        EmulatorError: Another process that still lives holds the directory.

    """
    owner = _open(directory / "owner.lock")
    if not _try(owner):
        holder = owner.read().strip()
        owner.close()
        raise EmulatorError(
            "The local AWS of this service is already running",
            why=f"process {holder or 'of another start'} holds {directory}",
            remedy="use that one, or end it first",
        )
    owner.truncate(0)
    owner.write(f"{os.getpid()}\n")
    owner.flush()
    child = _open(directory / "child.lock")
    if not await _wait(child, _ORPHAN_GRACE_S):
        processes.end_strays()
        if not await _wait(child, _KILLED_S):
            owner.close()
            child.close()
            raise EmulatorError(
                "An earlier emulator of this service cannot be ended",
                why=f"it still holds {directory / 'child.lock'}",
                remedy=f"end the process that `fuser {directory / 'child.lock'}` names, then start again",
            )
    processes.end_strays()
    return Holding(owner, child)


def _open(path: Path) -> IO[str]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8")


def _try(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _wait(file: IO[str], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not _try(file):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_POLL_S)
    return True
