"""`fastlambda destroy`: the end of a stack."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from fastlambda_cli import deploy as engine
from fastlambda_cli.cli import asking
from fastlambda_cli.cli.documents import print_document, told_to_machines
from fastlambda_cli.cli.options import (
    JsonOption,
    LocalOption,
    ProfileOption,
    RegionOption,
    ServiceArgument,
    StageOption,
)
from fastlambda_cli.cli.signals import interruptible
from fastlambda_cli.cli.target import opened
from fastlambda_cli.cli.terminal import report_console
from fastlambda_cli.cli.views.outcome import Typed
from fastlambda_cli.cli.views.progress import Progress
from fastlambda_cli.cli.views.stack import destruction_view
from fastlambda_cli.service.stages import DEFAULT_STAGE


def destroy(
    service: ServiceArgument = Path(),
    stage: StageOption = DEFAULT_STAGE,
    purge: Annotated[
        bool, typer.Option("--purge", help="What would stay goes as well: logs, secrets, releases, artifacts.")
    ] = False,
    confirm: Annotated[
        str | None, typer.Option(help="The stack's name, to be asked nothing.", metavar="STACK", show_default=False)
    ] = None,
    local: LocalOption = False,
    profile: ProfileOption = None,
    region: RegionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete a service's stack, after listing what goes and what stays.

    Logs, secrets and releases stay unless `--purge` is given. AWS then keeps a deleted secret for seven more days, in
    which it can be restored; everything else is gone at once. The stack's name has to be typed.

    - `fastlambda destroy --stage test`
    - `fastlambda destroy --stage test --purge --confirm shop-test` in CI
    """
    typed = Typed(service, stage, local, profile, region)
    console = report_console(stderr=as_json)
    with told_to_machines(as_json=as_json), interruptible():
        if confirm is None:
            asking.require_someone(doing="The end of a stack", option="--confirm with its name", as_json=as_json)
        with (
            Progress(console, typed.reaching, words=typed.completed) as progress,
            opened(typed, progress, changes=True) as at,
        ):
            destruction = engine.destruction(at.aws, at.target.stack_name, owner=at.target.described)
            there = bool(destruction.goes or (purge and destruction.stays))
            with progress.paused():
                console.print(destruction_view(destruction, at.place, purge=purge))
                agreed = not there or _named(console, at.target.stack_name, confirm)
            if there and agreed:
                engine.destroy(at.aws, at.target.stack_name, progress, purge=purge)
        if not agreed:
            console.print("Nothing was destroyed.")
            raise typer.Exit(asking.NOT_CONFIRMED)
        if as_json:
            print_document(asdict(destruction) | {"purged": purge})
        elif there:
            console.print(Text.assemble(("Destroyed", "bold green"), f": {destruction.stack_name}"))


def _named(console: Console, stack_name: str, confirm: str | None) -> bool:
    """Whether the stack that is to go is the one that was meant."""
    if confirm is None:
        confirm = asking.typed(console, f"Type [bold]{stack_name}[/] to destroy it")
    if confirm and confirm != stack_name:
        console.print(f"{confirm!r} is not {stack_name!r}.", style="yellow", markup=False)
    return confirm == stack_name
