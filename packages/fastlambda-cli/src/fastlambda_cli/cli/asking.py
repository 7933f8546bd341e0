"""Questions to the person at the terminal, and what happens when there is none."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.prompt import Confirm, Prompt

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


def confirmed(console: Console, question: str) -> bool:
    """Ask a question that is answered with yes or no; no is what Enter and the end of input mean."""
    try:
        return Confirm.ask(question, console=console, default=False)
    except EOFError:
        return False


def typed(console: Console, question: str) -> str:
    """Ask for a word; the end of input is an empty one."""
    try:
        return Prompt.ask(question, console=console, default="", show_default=False)
    except EOFError:
        return ""
