"""Arguments and options that several commands share, worded once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from fastlambda_cli.errors import FastLambdaError

ServiceArgument: TypeAlias = Annotated[Path, typer.Argument(help="The service's folder, with its pyproject.toml.")]
StageOption: TypeAlias = Annotated[str, typer.Option(help="Which of the service's stages.")]
LocalOption: TypeAlias = Annotated[
    bool, typer.Option("--local", help="The AWS on this machine instead: no account, no costs.")
]
ProfileOption: TypeAlias = Annotated[
    str | None, typer.Option(help="A profile of your AWS configuration files.", show_default="AWS_PROFILE")
]
RegionOption: TypeAlias = Annotated[
    str | None, typer.Option(help="The AWS Region.", show_default="AWS_REGION, or the profile's")
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document, for machines.")]
YesOption: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]


class ContradictoryOptionsError(FastLambdaError):
    """Two options cannot both be meant."""

    exit_code = 2
