"""Questions to a person, in front of a terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys

ROUNDS = 1000
"""Without a remedy about one in four hundred goes unheard."""
PATIENCE_S = 20.0

ASKS_AGAIN = f"""
from rich.console import Console
from fastlambda_cli.cli.asking import confirmed

heard = 0
while heard < {ROUNDS}:
    try:
        confirmed(Console(), f"Deploy {{heard}}?")
    except KeyboardInterrupt:
        heard += 1
"""


def test_a_ctrl_c_typed_the_moment_a_question_is_seen_is_heard_every_time():
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", ASKS_AGAIN])  # noqa: S606
    printed, answered = "", 0
    while chunk := _read(terminal, pid):
        printed += chunk
        if f"Deploy {answered}?" in printed:
            os.write(terminal, b"\x03")
            printed, answered = "", answered + 1
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert (answered, os.waitstatus_to_exitcode(status)) == (ROUNDS, 0)


def _read(terminal, pid):
    """What is printed next; nothing once the process has ended, which it is made to when it prints no more."""
    if not select.select([terminal], [], [], PATIENCE_S)[0]:
        os.kill(pid, signal.SIGKILL)
    try:
        return os.read(terminal, 65536).decode()
    except OSError:  # what Linux says when the other end has closed
        return ""
