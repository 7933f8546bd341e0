"""The terminal: one console for what is said, one for errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.text import Text

from fastlambda_cli.errors import FastLambdaError
from fastlambda_cli.local.model import Sink, TelemetryEvent


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Raise, where Rich would end the process with everything that `dev` has started still running."""
        raise BrokenPipeError


console = _Console(soft_wrap=True, highlight=False)
_errors = Console(stderr=True, soft_wrap=True, highlight=False)


def print_error(error: FastLambdaError) -> None:
    """Say what happened, why, and what to do, on standard error."""
    _errors.print(Text.assemble(("Error: ", "bold red"), error.what))
    if error.why:
        _errors.print(Text(f"  {error.why}"))
    if error.remedy:
        _errors.print(Text.assemble(("  → ", "bold"), error.remedy))


class Output:
    """Prints until nobody reads any more: the terminal was closed, or the other end of the pipe.

    Args:
        view: Prints events.
        stop: Is called once, when nobody reads any more.

    """

    def __init__(self, view: Sink, stop: Callable[[], object]) -> None:
        self._view = view
        self._stop = stop
        self._read = True

    def __call__(self, event: TelemetryEvent) -> None:
        """Print one event."""
        self._attempt(self._view, event)

    def say(self, markup: str) -> None:
        """Print a line of our own, in Rich's markup."""
        self._attempt(console.print, markup)

    def _attempt(self, show: Callable[[Any], None], what: Any) -> None:
        if not self._read:
            return
        try:
            show(what)
        except OSError:
            self._read = False
            # Python would fail once more when it flushes what is left at its exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self._stop()
