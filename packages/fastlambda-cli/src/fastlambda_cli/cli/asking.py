"""Questions to the person at the terminal, and what happens when there is none."""

from __future__ import annotations

import select
import signal
import socket
import sys
from typing import TextIO

from rich.console import Console
from rich.prompt import Confirm, Prompt, PromptBase, PromptType
from rich.text import TextType

from fastlambda_cli.errors import FastLambdaError

NOT_CONFIRMED = 1
"""The exit code when somebody answers no."""


class UnconfirmedError(FastLambdaError):
    """Something has to be confirmed, and nobody is there to ask."""


def require_someone(*, doing: str, option: str, as_json: bool = False) -> None:
    """Refuse what will have to be confirmed before any work is done for it.

    Args:
        doing: What has to be confirmed, as a sentence's beginning, such as "A deployment".
        option: The option that confirms it beforehand.
        as_json: Standard output is for a machine, which answers no questions.

    Raises:
        UnconfirmedError: Nobody is there to ask.

    """
    why = "with --json nobody is asked" if as_json else "there is no terminal to ask at"
    if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UnconfirmedError(f"{doing} has to be confirmed", why=why, remedy=f"Add {option}.")


class _Heard(PromptBase[PromptType]):
    """A question that Ctrl-C ends at any moment."""

    @classmethod
    def get_input(cls, console: Console, prompt: TextType, password: bool, stream: TextIO | None = None) -> str:
        """Ask, and read the answer once there is one."""
        console.print(prompt, end="")
        _await_line()
        return super().get_input(console, "", password, stream)


class _Confirm(_Heard[bool], Confirm):
    """A question that is answered with yes or no."""


class _Word(_Heard[str], Prompt):
    """A question that is answered with a word."""


def _await_line() -> None:
    """Wait until there is something to read, or a signal.

    A signal that arrives between Python's last look for one and the system's read() would leave `input` waiting with
    the signal unheard. What Python writes about a signal is there to be read whenever it arrived.
    """
    told, tells = socket.socketpair()
    with told, tells:
        tells.setblocking(False)
        try:
            signal.set_wakeup_fd(tells.fileno(), warn_on_full_buffer=False)
            select.select([sys.stdin, told], [], [])
        finally:
            signal.set_wakeup_fd(-1)


def confirmed(console: Console, question: str) -> bool:
    """Ask a question that is answered with yes or no; no is what Enter and the end of input mean."""
    try:
        return _Confirm.ask(question, console=console, default=False)
    except EOFError:
        return False


def typed(console: Console, question: str) -> str:
    """Ask for a word; the end of input is an empty one."""
    try:
        return _Word.ask(question, console=console, default="", show_default=False)
    except EOFError:
        return ""
