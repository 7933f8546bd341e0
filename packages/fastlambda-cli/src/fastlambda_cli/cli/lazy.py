"""A group of commands whose modules are imported when they run, and not to list them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class Listed:
    """A command as `--help` lists it.

    Attributes:
        name: The command's, and that of the function and module of this package that it is.
        panel: The heading it stands under.
        summary: The first sentence of the function's docstring, which is the rest of its help.

    """

    name: str
    panel: str
    summary: str


class ListedCommand(TyperCommand):
    """Stands for a command until somebody wants more of it than its name and summary."""

    def __init__(self, listed: Listed) -> None:
        super().__init__(listed.name, short_help=listed.summary, help=listed.summary, rich_help_panel=listed.panel)
        self.listed = listed

    def load(self) -> TyperCommand:
        """Import the command itself."""
        function = getattr(import_module(f"fastlambda_cli.cli.{self.listed.name}"), self.listed.name)
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown")
        alone.command(self.listed.name, rich_help_panel=self.listed.panel)(function)
        command = typer.main.get_command(alone)
        assert isinstance(command, TyperCommand)  # noqa: S101 - a Typer with one command and no callback is that command
        return command

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Parse the arguments; whoever invokes the context invokes the command itself."""
        return self.load().make_context(*args, **kwargs)


def group_of(*listed: Listed) -> type[TyperGroup]:
    """Make the class of a group that has these commands, in this order."""

    class Group(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            attributes["commands"] = {each.name: ListedCommand(each) for each in listed}
            super().__init__(**attributes)

    return Group
