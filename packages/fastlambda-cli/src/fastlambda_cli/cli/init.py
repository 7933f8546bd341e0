"""`fastlambda init`: the few lines that make a service of a FastAPI project."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from fastlambda_cli.cli.asking import NOT_CONFIRMED, confirmed, require_someone, typed
from fastlambda_cli.cli.beginning.apps import App, Found, find_apps, named_app
from fastlambda_cli.cli.beginning.edits import HANDLER_FILE, Edit, handler_text, write_all
from fastlambda_cli.cli.beginning.project import service_project
from fastlambda_cli.cli.options import YesOption
from fastlambda_cli.cli.terminal import report_console
from fastlambda_cli.cli.views.outcome import Typed, next_commands
from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.handler import check_handler
from fastlambda_cli.service.load import load_service
from fastlambda_cli.service.model import Service
from fastlambda_cli.service.project import PYPROJECT, read_toml, table

_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def init(
    service: Annotated[Path, typer.Argument(help="The project's folder.")] = Path(),
    app: Annotated[
        str | None, typer.Option(help="The FastAPI app as module:attribute, when it is not found.", metavar="NAME")
    ] = None,
    yes: YesOption = False,
) -> None:
    """Make a service of a FastAPI project, in the few lines that takes.

    The app is found by reading the project, which is never imported. What is written is shown first:
    `lambda_handler.py`, a dependency and the table `[tool.fastlambda]` in `pyproject.toml`. Nothing else is touched,
    nothing of yours is overwritten, and a second run changes nothing.

    - `fastlambda init` in the project's folder
    - `fastlambda init --app shop.main:app` where the app is not found, or there are several
    """
    console = report_console()
    root = service.resolve()
    if not root.is_dir():
        raise ConfigurationError(f"There is no folder {service}", remedy="Name the project's folder.")
    found = find_apps(root)
    project = service_project(root)
    handler = _handler_edit(console, root, app, found)
    edits = [edit for edit in (handler, project.edit) if edit is not None]
    for edit in edits:
        _show(console, edit)
    for remark in project.remarks:
        console.print(f"[bold yellow]Note:[/] {escape(remark)}")
    _warn(console, found)
    if not edits:
        console.print("Nothing to do: it is a service already.")
    elif not _agreed(console, yes=yes):
        console.print("Nothing was written.")
        raise typer.Exit(NOT_CONFIRMED)
    else:
        write_all(edits)
        console.print(f"[bold green]Written:[/] {', '.join(edit.path.name for edit in edits)}")
    _what_next(console, load_service(root), service)


def _agreed(console: Console, *, yes: bool) -> bool:
    if yes:
        return True
    require_someone(doing="What is to be written", option="--yes")
    return confirmed(console, "Write this?")


def _handler_edit(console: Console, root: Path, app: str | None, found: Found) -> Edit | None:
    """The handler's module, unless the project has one."""
    file = root / PYPROJECT
    settings = table(read_toml(file) or {}, file, "tool", "fastlambda")
    path = root / HANDLER_FILE
    if "handler" in settings or path.exists():
        check_handler(str(settings.get("handler", "lambda_handler.handler")), root, file)
        return None
    chosen = named_app(app, found, root) if app is not None else _choose(console, found, root)
    return Edit(path, None, handler_text(chosen))


def _choose(console: Console, found: Found, root: Path) -> App:
    match found.apps:
        case ():
            raise ConfigurationError(
                f"No FastAPI app was found in {root}",
                why="no module has a line such as: app = FastAPI()",
                remedy="Name it: fastlambda init --app module:attribute.",
            )
        case (only,):
            return only
        case several:
            return _ask_which(console, several)


def _ask_which(console: Console, apps: Sequence[App]) -> App:
    names = ", ".join(map(str, apps))
    require_someone(doing=f"Which app is the service, of {names},", option=f"--app {apps[0]} (or another of them)")
    for number, app in enumerate(apps, start=1):
        console.print(f"  {number}  [bold]{app}[/]  [dim]{app.path}:{app.line}[/]")
    answer = typed(console, f"Which one is the service? 1 to {len(apps)}")
    if not answer.isdecimal() or not 1 <= int(answer) <= len(apps):
        console.print("None of these; nothing was written.")
        raise typer.Exit(NOT_CONFIRMED)
    return apps[int(answer) - 1]


def _show(console: Console, edit: Edit) -> None:
    for line in edit.diff():
        style = "bold" if line.startswith(("---", "+++")) else _DIFF_STYLES.get(line[:1], "")
        console.print(Text(line, style=style))
    console.print()


def _warn(console: Console, found: Found) -> None:
    if found.buffered:
        where = ", ".join(found.buffered)
        console.print(
            f"[bold yellow]Note:[/] {where}: a streamed answer arrives whole, at its end, behind an HTTP API."
        )
    if found.websockets:
        console.print(f"[bold yellow]Note:[/] {', '.join(found.websockets)}: an HTTP API has no WebSockets.")


def _what_next(console: Console, made: Service, folder: Path) -> None:
    here = Typed(folder)
    first = []
    if made.lock is not None:
        requirements = f"uv pip compile --generate-hashes {PYPROJECT} -o {made.lock.name}"
        how = "uv lock" if made.lock.name == "uv.lock" else requirements
        first = [(how, "lock what has been added")]
    commands = [(here.here("dev"), "run it here, as Lambda would"), (here.again("deploy"), "take it to AWS")]
    console.print(next_commands([*first, *commands]))
