"""The `fastlambda` command: the only place that prints, and the only one that turns errors into exit codes."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from fastlambda_cli.cli.dev import dev
from fastlambda_cli.cli.terminal import print_error
from fastlambda_cli.errors import FastLambdaError

app = typer.Typer(
    name="fastlambda",
    help="FastAPI on AWS Lambda, and on your laptop as Lambda would run it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(dev)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"fastlambda {version('fastlambda-cli')}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """FastAPI on AWS Lambda, and on your laptop as Lambda would run it."""


def run() -> None:
    """Run the command line; a user's mistake is one clear message, a bug of ours keeps its traceback."""
    try:
        app()
    except FastLambdaError as error:
        print_error(error)
        sys.exit(error.exit_code)
