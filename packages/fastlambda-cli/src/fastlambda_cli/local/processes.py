"""Child processes that never outlive their owner, not even one that was killed with `kill -9`.

Every child runs in a process group of its own and leaves a small record on disk while it lives. The next start
reads what an owner that died left behind, and ends exactly those processes: a pid alone could by then belong to
a stranger, so the record carries the child's start time as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_TEMPORARY = "tmp"


def start_time(pid: int) -> str | None:
    """The moment the process started, in a form that only compares; None when there is no such process."""
    try:
        # Fields of /proc/PID/stat after the command's closing parenthesis; the 22nd overall is the start time.
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return _start_time_by_ps(pid) if not Path("/proc/self/stat").exists() else None
    state, *rest = stat[stat.rindex(")") + 2 :].split()
    return None if state in {"Z", "X"} else rest[18]


def _start_time_by_ps(pid: int) -> str | None:
    answer = subprocess.run(  # noqa: S603
        ["ps", "-o", "lstart=", "-p", str(pid)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() or None


class ProcessRegistry:
    """Starts the local cloud's children and knows which of them an earlier owner left running.

    Args:
        directory: Where the records live, one small file a child. It is made if missing, readable by the user alone.

    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory

    async def spawn(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        stdout: int | IO[bytes],
        stderr: int | IO[bytes],
        pass_fds: Sequence[int] = (),
        umask: int = -1,
    ) -> asyncio.subprocess.Process:
        """Start a child in its own session, with exactly this environment, and record it; a umask of -1 is ours."""
        process = await asyncio.create_subprocess_exec(
            *argv,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            pass_fds=tuple(pass_fds),
            start_new_session=True,
            umask=umask,
        )
        record = {
            "pid": process.pid,
            "started": start_time(process.pid),
            "owner": os.getpid(),
            "argv": list(argv),
        }
        self._record(process.pid).write_text(json.dumps(record), encoding="utf-8")
        return process

    def temporary_folder(self) -> Path:
        """Make a folder for a child's temporary files: for the owner to delete, or else for `end_strays`."""
        parent = self._directory.absolute() / _TEMPORARY
        parent.mkdir(mode=0o700, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=parent))

    def forget(self, pid: int) -> None:
        """Drop the record of a child that has ended."""
        self._record(pid).unlink(missing_ok=True)

    def end_strays(self, owner: int | None = None) -> int:
        """End what an owner that died left running, whole process groups; return how many there were.

        Args:
            owner: Its pid, where the next owner may already be at work in the same directory; None for whoever it was.

        """
        ended = 0
        for path in self._directory.glob("*.json"):
            try:
                record = json.loads(path.read_text(encoding="utf-8"))
            except ValueError:  # cut short when its owner died: the child was not yet doing anything
                record = {}
            if owner is not None and record.get("owner") != owner:
                continue
            pid = record.get("pid")
            if isinstance(pid, int) and record.get("started") and start_time(pid) == record["started"]:
                signal_group(pid, signal.SIGKILL)
                ended += 1
            path.unlink(missing_ok=True)
        for folder in (self._directory / _TEMPORARY).glob("*" if owner is None else f"{owner}-*"):
            shutil.rmtree(folder, ignore_errors=True)
        return ended

    def _record(self, pid: int) -> Path:
        return self._directory / f"{pid}.json"


def kill_marked(marker: str) -> None:
    """Kill every process of this user that has `marker`, a NAME=value, in the environment that it was started with.

    Such are the descendants of a child that left its process group, and so outlive it. Without /proc (macOS) none is
    found.
    """
    wanted = b"\0" + marker.encode() + b"\0"
    for folder in Path("/proc").glob("[1-9]*"):
        # Most are other users' or end while they are looked at.
        with contextlib.suppress(OSError):
            if wanted in b"\0" + (folder / "environ").read_bytes():
                os.kill(int(folder.name), signal.SIGKILL)


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signal a child and everything it started; a group that is already gone is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
