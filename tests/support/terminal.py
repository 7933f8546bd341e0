"""A command at a terminal, with somebody who types."""

from __future__ import annotations

import os
import pty
import re

import pytest

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""What moves the cursor or colours the text."""


def at_a_terminal(*command: object, sees: str, types: bytes) -> tuple[int, str]:
    """Run a command, type once something is on its terminal, and return its exit code and all that was printed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ |= {"TERM": "xterm", "COLUMNS": "80"}
        os.execv(str(command[0]), [str(word) for word in command])  # noqa: S606
    printed, typed = "", False
    while chunk := _read(terminal):
        printed += chunk
        if not typed and sees in printed:
            os.write(terminal, types)
            typed = True
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    if not typed:
        pytest.fail(f"{sees!r} was never on the terminal:\n{printed}")
    return os.waitstatus_to_exitcode(status), _ESCAPE.sub("", printed)


def _read(terminal: int) -> str:
    try:
        return os.read(terminal, 65536).decode(errors="replace")
    except OSError:  # what Linux says when the other end has closed
        return ""
