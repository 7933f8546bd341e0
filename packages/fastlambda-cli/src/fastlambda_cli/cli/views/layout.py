"""The few shapes that every view is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_INDENT = 2


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stack is.

    Attributes:
        account: Twelve digits.
        local: Whether it is the AWS on this machine.

    """

    account: str
    region: str
    local: bool

    def __str__(self) -> str:
        """Say it as it stands in a heading."""
        return "on this machine" if self.local else f"in account {self.account}, {self.region}"


def columns(rows: Iterable[Iterable[RenderableType]], *, folded: int = 1) -> Table:
    """Rows in columns; the last ones are folded where the line ends, because a cut ARN is worth nothing.

    Args:
        rows: Of cells, equally many each.
        folded: How many of the last columns may be folded.

    """
    every = [tuple(row) for row in rows]
    table = Table.grid(padding=(0, 2))
    count = len(every[0]) if every else 0
    for index in range(count):
        table.add_column(overflow="fold", no_wrap=index < count - folded)
    for row in every:
        table.add_row(*row)
    return table


def section(heading: str | Text, *body: RenderableType) -> RenderableType:
    """A heading with its body indented below it, and an empty line above."""
    title = Text(heading, style="bold") if isinstance(heading, str) else heading
    return Group(Text(), title, Padding(Group(*body), (0, 0, 0, _INDENT), expand=False))


def facts(pairs: Iterable[tuple[str, RenderableType]]) -> RenderableType:
    """Names and values, one pair a line."""
    return Padding(columns((Text(name, style="dim"), value) for name, value in pairs), (0, 0, 0, _INDENT), expand=False)
