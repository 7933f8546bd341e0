"""How much memory a function uses, and the end of one that uses more than it has.

Lambda gives a function its memory and kills it when that is used up. No limit that an unprivileged process can set on
Linux means the same: RLIMIT_AS and RLIMIT_DATA count addresses, of which interpreters reserve far more than they use.
So the memory is looked at many times a second while something runs, and the group killed when it is over the limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

POLL_S = 0.01
"""Seconds between two looks: a function that allocates 2 GB a second is 20 MB over when it is found out."""

_SELDOM_S = 0.05
_FASTEST = 20e9
"""Bytes a second that no function takes: until it could be over the limit at that pace, nobody needs to look."""
_MB = 1024 * 1024
_PAGE = os.sysconf("SC_PAGE_SIZE")
_HAS_PROC = Path("/proc/self/statm").exists()


class MemoryLimit:
    """Watches a process and its descendants while a function runs in them.

    What counts is memory that cannot be given back: anonymous pages, and not mapped files. Where there is no /proc
    (macOS) nothing is watched.

    Args:
        pid: The process.
        limit_mb: What it may use, in MB.
        exceeded: Called once when it uses more.

    """

    def __init__(self, pid: int, limit_mb: int, exceeded: Callable[[], None]) -> None:
        self._pid = pid
        self._limit = limit_mb * _MB
        self._exceeded = exceeded
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """Look at the memory from now on."""
        if _HAS_PROC and self._next is None:
            self._next = self._loop.call_later(POLL_S, self._look)

    def rest(self) -> None:
        """Look no more: what is frozen takes no memory."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _look(self) -> None:
        processes = list(_tree(self._pid))
        used = sum(map(_anonymous, processes))
        # Processes that were forked share pages, which are counted twice until they are counted properly.
        if used > self._limit and len(processes) > 1:
            used = sum(map(_proportional, processes))
        if used > self._limit:
            self._next = None
            self._exceeded()
        else:
            soon = max((self._limit - used) / _FASTEST, POLL_S)
            self._next = self._loop.call_later(min(soon, _SELDOM_S), self._look)


class PeakMemory:
    """The resident memory of a process at its highest.

    Its file stays open, because reading it is in every event's time.

    Args:
        pid: The process.

    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._file: int | None = None
        if _HAS_PROC:
            with contextlib.suppress(OSError):
                self._file = os.open(f"/proc/{pid}/status", os.O_RDONLY | os.O_CLOEXEC)

    def mb(self) -> int:
        """MB, rounded up; 0 when the process is gone. Where /proc tells no peak (macOS), those of this moment."""
        if self._file is None:
            return 0 if _HAS_PROC else _resident_by_ps(self._pid)
        try:
            status = os.pread(self._file, 64 * 1024, 0)
        except OSError:
            return 0
        _, found, peak = status.partition(b"VmHWM:")
        return -(-int(peak.split(None, 1)[0]) // 1024) if found else 0

    def close(self) -> None:
        """Measure no more."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


def peak_memory_mb(pid: int) -> int:
    """MB of a process's resident memory at its highest; see `PeakMemory`."""
    peak = PeakMemory(pid)
    try:
        return peak.mb()
    finally:
        peak.close()


def peak_memory_of_all_mb(pid: int) -> int:
    """The same, of a process and its descendants together."""
    return sum(map(peak_memory_mb, _tree(pid)))


def _tree(pid: int) -> Iterator[int]:
    """The process and its descendants."""
    yield pid
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - see `_read`
        lists = [_read(f"/proc/{pid}/task/{thread}/children") for thread in threads]
    except OSError:  # it ended, or the kernel tells no children
        return
    for child in b" ".join(lists).split():
        yield from _tree(int(child))


def _anonymous(pid: int) -> int:
    try:
        _, resident, shared, *_ = _read(f"/proc/{pid}/statm").split()
    except (OSError, ValueError):  # it ended a moment ago
        return 0
    return (int(resident) - int(shared)) * _PAGE


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_bytes().splitlines()
    except OSError:
        return _anonymous(pid)
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(b"Pss_Anon:"))


def _read(path: str) -> bytes:
    """Read a file of /proc, not by pathlib: this is in every event's time, and several times as fast."""
    file = os.open(path, os.O_RDONLY)
    try:
        return os.read(file, 64 * 1024)
    finally:
        os.close(file)


def _resident_by_ps(pid: int) -> int:
    answer = subprocess.run(  # noqa: S603
        ["ps", "-o", "rss=", "-p", str(pid)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return -(-int(answer.stdout or 0) // 1024)
