"""Loopback listeners: bound by us, so that a taken port is one clear error and nobody slips in between."""

from __future__ import annotations

import errno
import shutil
import socket
import subprocess
from pathlib import Path

from fastlambda_cli.errors import FastLambdaError, PortTakenError

LOOPBACK = "127.0.0.1"

_BACKLOG = 2048
_LISTEN = "0A"  # the state column of /proc/net/tcp


def listen(port: int, *, label: str, option: str) -> socket.socket:
    """Listen on the loopback interface, and nowhere else.

    Args:
        port: The port, or 0 for any free one.
        label: What will answer there, for the error.
        option: The command line's option that chooses the port, for the remedy.

    Raises:
        PortTakenError: Another socket listens on the port; names its process when that can be found.
        FastLambdaError: The port is no port, or one the system keeps for itself.

    """
    # Named protocol and all: asyncio sets TCP_NODELAY only on sockets that say they are TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # A restart must not wait for the connections of the last run to leave TIME_WAIT.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)  # noqa: FBT003
    except (OSError, OverflowError) as problem:
        listener.close()
        raise _refusal(port, label, option, problem) from problem
    return listener


def _refusal(port: int, label: str, option: str, problem: Exception) -> FastLambdaError:
    what = f"{label} cannot listen on {LOOPBACK}:{port}"
    if isinstance(problem, OverflowError):
        return FastLambdaError(what, why="a port is a number from 0 to 65535", remedy=f"Choose one with {option}.")
    if isinstance(problem, PermissionError):
        return FastLambdaError(
            what,
            why="the system keeps this port for privileged processes",
            remedy=f"Choose a port above 1023 with {option}.",
        )
    if isinstance(problem, OSError) and problem.errno == errno.EADDRINUSE:
        owner = holder(port)
        return PortTakenError(
            what,
            why=f"{owner or 'another process'} listens there",
            remedy=f"End that process, or choose another port with {option} (0 takes any free one).",
        )
    return FastLambdaError(what, why=str(problem), remedy="Check the loopback interface.")


def holder(port: int) -> str | None:
    """Say which process listens on a TCP port of this machine, such as `python (pid 4711)`.

    None when it belongs to another user, or when the system does not tell.
    """
    table = Path("/proc/net/tcp")
    if table.exists():
        return _holder_in_proc(port, table)
    lsof = shutil.which("lsof")
    return _holder_by_lsof(port, lsof) if lsof else None


def _holder_in_proc(port: int, table: Path) -> str | None:
    sockets = {
        f"socket:[{row[9]}]"
        for row in map(str.split, table.read_text(encoding="ascii").splitlines()[1:])
        if row[3] == _LISTEN and int(row[1].rpartition(":")[2], 16) == port
    }
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(fd.readlink()) in sockets for fd in (process / "fd").iterdir()):
                name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
                return f"{name} (pid {process.name})"
        except OSError:  # it ended while we looked, or it is not ours to look into
            continue
    return None


def _holder_by_lsof(port: int, lsof: str) -> str | None:
    answer = subprocess.run(  # noqa: S603
        [lsof, "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"],
        capture_output=True,
        text=True,
        check=False,
    )
    fields = {line[0]: line[1:] for line in answer.stdout.splitlines() if line}
    return f"{fields['c']} (pid {fields['p']})" if {"c", "p"} <= fields.keys() else None
