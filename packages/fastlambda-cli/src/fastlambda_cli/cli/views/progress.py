"""A deployment while it happens: a line for every step and every resource that is done, and what is still under way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self, TypeAlias

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from fastlambda_cli.aws.model import StackEvent
from fastlambda_cli.cli.terminal import discard_output
from fastlambda_cli.cli.views.layout import columns
from fastlambda_cli.cli.views.stack import status_style
from fastlambda_cli.cli.views.words import duration, kind
from fastlambda_cli.deploy.model import Happening, Progressed, Remark, Step
from fastlambda_cli.errors import OutputClosedError

Clock: TypeAlias = Callable[[], float]
"""Seconds that only ever grow."""

_STACK = "AWS::CloudFormation::Stack"
_UNDER_WAY = "_IN_PROGRESS"
_DONE = {
    "CREATE_COMPLETE": ("+", "created", "green"),
    "UPDATE_COMPLETE": ("~", "updated", "yellow"),
    "DELETE_COMPLETE": ("-", "deleted", "red"),
    "DELETE_SKIPPED": (".", "left behind", "dim"),
    "IMPORT_COMPLETE": ("<", "taken over", "cyan"),
}
_CANCELLED = "cancelled"
"""In the reason of every resource that only failed because another one did."""
_SHOWN_UNDER_WAY = 8
_REFRESHES_A_SECOND = 8
_TIME_WIDTH = 11


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A resource under way, by CloudFormation's clock and by ours."""

    event: StackEvent
    at: datetime
    clock: float


class Progress:
    """Prints what is told while it happens, and in a terminal shows below it what is under way.

    Use it as a context: what is under way is gone from the terminal at its end. When nobody reads any more, it falls
    silent, because a deployment that has begun is better finished than abandoned.

    Args:
        console: Where to.
        first: What is under way from the beginning; it gets no line of its own.
        words: Completes what the engine remarks.
        clock: Tells how long everything takes.

    """

    def __init__(
        self,
        console: Console,
        first: str = "",
        *,
        words: Callable[[str], str] = str,
        clock: Clock = time.monotonic,
    ) -> None:
        self._console = console
        self._words = words
        self._clock = clock
        self._began = clock()
        self._step = (first, self._began) if first else None
        self._percent = ""
        self._resources: dict[str, _UnderWay] = {}
        self._live: Live | None = None
        self._spinner = Spinner("dots")
        self._read = True

    def __enter__(self) -> Self:
        """Begin to show what is under way, where the console is a terminal."""
        self._show()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Take what is under way off the terminal."""
        self._hide()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the terminal to a question while the block runs; how long the answer takes does not count."""
        self._hide()
        asked = self._clock()
        yield
        self._began += self._clock() - asked
        self._show()

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning, without those of questions."""
        return self._clock() - self._began

    def _show(self) -> None:
        if self._console.is_terminal:
            self._live = Live(
                console=self._console,
                get_renderable=self.under_way,
                refresh_per_second=_REFRESHES_A_SECOND,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def _hide(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def __call__(self, happening: Happening) -> None:
        """Print one thing that happened."""
        match happening:
            case Step(text=text):
                self._step = (text, self._clock())
                self._percent = ""
                self._print(Text(text, style="bold"))
            case Progressed(done=done, total=total):
                self._percent = f"  {done * 100 // total} %"
            case Remark(warning=warning):
                text = self._words(happening.text)
                self._print(Text.assemble(("Note: ", "bold yellow"), text) if warning else Text(text, style="dim"))
            case StackEvent():
                self._event(happening)

    def _event(self, event: StackEvent) -> None:
        if event.status.endswith(_UNDER_WAY):
            # A second one of the same resource says that AWS has taken it up; the first one is when it began.
            self._resources.setdefault(event.logical_id, _UnderWay(event, event.at, self._clock()))
            if event.kind != _STACK or "ROLLBACK" not in event.status:
                return
        begun = None if event.status.endswith(_UNDER_WAY) else self._resources.pop(event.logical_id, None)
        took = duration(max((event.at - begun.at).total_seconds(), 0)) if begun else ""
        self._print(_event_line(event, took))

    def _print(self, line: RenderableType) -> None:
        elapsed = Text(duration(self.elapsed), style="dim", justify="right")
        row = Table.grid(padding=(0, 2, 0, 0))
        row.add_column(width=_TIME_WIDTH, no_wrap=True)
        row.add_column(overflow="fold")
        row.add_row(elapsed, line)
        self._attempt(row)

    def _attempt(self, shown: RenderableType) -> None:
        if not self._read:
            return
        try:
            self._console.print(shown)
        except (OSError, OutputClosedError):
            self._read = False
            discard_output(self._console.file)

    def under_way(self) -> RenderableType:
        """What is under way at this moment, with the seconds that it has taken so far."""
        now = self._clock()
        if self._step is None:
            return Text()
        text, since = self._step
        self._spinner.update(text=Text(f"{text}{self._percent}  {duration(now - since)}", style="bold"))
        every = [begun for begun in list(self._resources.values()) if begun.event.kind != _STACK]
        rows = [
            (begun.event.logical_id, Text(kind(begun.event.kind), style="dim"), duration(now - begun.clock))
            for begun in every[:_SHOWN_UNDER_WAY]
        ]
        more = len(every) - len(rows)
        below = [Text(f"and {more} more", style="dim")] if more else []
        return Padding(
            Group(self._spinner, Padding(Group(columns(rows), *below), (0, 0, 0, 2))), (0, 0, 0, _TIME_WIDTH + 2)
        )


def _event_line(event: StackEvent, took: str) -> Text:
    """One line about a resource that is done with, or about the stack as a whole."""
    if event.kind == _STACK:
        line = Text.assemble("  the stack: ", (event.status, status_style(event.status)))
        return line.append(f"  {event.reason}") if event.reason else line
    if event.status in _DONE:
        symbol, word, style = _DONE[event.status]
        line = Text.assemble(
            (f"  {symbol} {word:<8}", style), f"  {event.logical_id}", (f"  {kind(event.kind)}", "dim")
        )
        return line.append(f"  {took}") if took else line
    if _CANCELLED in event.reason.lower():
        return Text(f"  . cancelled  {event.logical_id}, because something else failed", style="dim")
    line = Text.assemble(("  ! ", "bold red"), (event.status, "bold red"), f"  {event.logical_id}")
    line.append(f"  {kind(event.kind)}", style="dim")
    return line.append(f"\n    {event.reason}", style="red") if event.reason else line
