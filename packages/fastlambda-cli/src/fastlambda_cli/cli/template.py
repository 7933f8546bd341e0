"""`fastlambda template`: the service's CloudFormation, for whatever tool deploys it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from fastlambda_cli.cli.options import ServiceArgument, StageOption
from fastlambda_cli.cli.runtime import runtime_of
from fastlambda_cli.service.load import load_service
from fastlambda_cli.service.stages import DEFAULT_STAGE
from fastlambda_cli.template import render


def template(
    service: ServiceArgument = Path(),
    stage: StageOption = DEFAULT_STAGE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of YAML.")] = False,
) -> None:
    """Print a service's CloudFormation template, deployable with any tool.

    It holds everything the service needs on AWS. No credentials are read and nobody is called.

    - `fastlambda template > books.yaml` to review it, or to deploy it with another tool
    - `fastlambda template --stage prod --json` for machines
    """
    described = load_service(service, stage=stage)
    rendered = render(described, stage=stage, runtime=runtime_of(described))
    sys.stdout.write(rendered.to_json() if as_json else rendered.to_yaml())
