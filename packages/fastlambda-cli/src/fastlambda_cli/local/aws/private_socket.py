"""The Unix socket between us and the emulator: no other user, and no browser, can reach it."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import tempfile
from pathlib import Path

from fastlambda_cli.errors import EmulatorError

_BACKLOG = 512


def listen_privately(state: Path) -> tuple[socket.socket, Path]:
    """Listen on a Unix socket that belongs to this state directory; return the listener and its path.

    It lies in a short folder of the user's own, because a socket's path may have no more than about 100 bytes and
    a project's may be longer. Our side keeps the listener open: connections made while the emulator restarts wait
    in its backlog.

    Raises:
        EmulatorError: The folder belongs to somebody else, or others may enter it.

    """
    folder = Path(tempfile.gettempdir()) / f"fastlambda-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise EmulatorError(
            f"{folder} cannot be used for the emulator's socket",
            why="it is not a folder of yours that only you may enter",
            remedy="Remove it, or set TMPDIR to a folder of your own.",
        )
    path = folder / f"{hashlib.sha256(os.fsencode(state.resolve())).hexdigest()[:16]}.sock"
    path.unlink(missing_ok=True)  # left by an owner that was killed: whoever holds the state owns the name
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        listener.listen(_BACKLOG)
    except OSError as problem:
        listener.close()
        raise EmulatorError(
            "The emulator's socket could not be made",
            why=f"{path}: {problem}",
            remedy="Set TMPDIR to a shorter path.",
        ) from problem
    listener.setblocking(False)  # noqa: FBT003
    return listener, path
