"""The `fastlambda` command and its subcommands."""

from __future__ import annotations

from typing import Annotated

import typer

from fastlambda_cli.cli.dev import dev
from fastlambda_cli.cli.template import template

app = typer.Typer(
    name="fastlambda",
    help="FastAPI on AWS Lambda, and on your laptop as Lambda would run it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(dev)
app.command()(template)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - as slow as the rest of this module

        print(f"fastlambda {version('fastlambda-cli')}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """FastAPI on AWS Lambda, and on your laptop as Lambda would run it."""
