"""`fastlambda template`: the service's CloudFormation, for whatever tool deploys it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.load import load_service
from fastlambda_cli.service.model import Runtime
from fastlambda_cli.service.stages import DEFAULT_STAGE
from fastlambda_cli.template import render


def template(
    service: Annotated[Path, typer.Argument(help="The service's folder, with its pyproject.toml.")] = Path(),
    stage: Annotated[str, typer.Option(help="Which of the service's stages.")] = DEFAULT_STAGE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of YAML.")] = False,
) -> None:
    """Print a service's CloudFormation template, deployable with any tool.

    It holds everything the service needs on AWS. No credentials are read and nobody is called.
    """
    described = load_service(service, stage=stage)
    rendered = render(described, stage=stage, runtime=described.configuration.runtime or _own_runtime())
    sys.stdout.write(rendered.to_json() if as_json else rendered.to_yaml())


def _own_runtime() -> Runtime:
    """Lambda's name of the Python that runs this command."""
    own = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if own in get_args(Runtime):
        return cast("Runtime", own)
    raise ConfigurationError(
        f"The service names no runtime, and Lambda has no {own}",
        why=f"it has {', '.join(get_args(Runtime))}",
        remedy="Set runtime in [tool.fastlambda].",
    )
