"""The terminal: one console for what is said, one for errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from fastlambda_cli.errors import FastLambdaError, OutputClosedError

if TYPE_CHECKING:
    from fastlambda_cli.local.model import Sink, TelemetryEvent

_LOG_WIDTH = 120
"""Columns where output goes into a file or a pipe."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Raise, where Rich would end the process with everything that `dev` has started still running."""
        raise OutputClosedError


class _Report(_Console):
    def print(self, *objects: Any, **options: Any) -> None:
        """Print; in a file or a pipe without the spaces to which Rich fills the last column of a table."""
        if not self.is_terminal and not options.get("soft_wrap"):
            objects = tuple(each if isinstance(each, str) else _Trimmed(each) for each in objects)
        super().print(*objects, **options)


class _Trimmed:
    def __init__(self, view: RenderableType) -> None:
        self._view = view

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """Give the view's lines without what nobody sees at their ends."""
        for line in console.render_lines(self._view, options, pad=False):
            while line and not line[-1].text.strip():
                line.pop()
            if line:
                *begun, last = line
                yield from begun
                yield Segment(last.text.rstrip(), last.style)
            yield Segment.line()


console = _Console(soft_wrap=True, highlight=False)
_errors = Console(stderr=True, soft_wrap=True, highlight=False)


def report_console(*, stderr: bool = False) -> Console:
    """The console of what is laid out in columns: as wide as the terminal, or wide enough for a log nobody resizes.

    Args:
        stderr: Standard output is for machines, so people read the other one.

    """
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _LOG_WIDTH
    return _Report(stderr=stderr, highlight=False, width=width)


def discard_output(stream: IO[str]) -> None:
    """Let what is still to be written go nowhere: Python would fail once more when it flushes what is left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


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
        except (OSError, OutputClosedError):
            self._read = False
            discard_output(sys.stdout)
            self._stop()
