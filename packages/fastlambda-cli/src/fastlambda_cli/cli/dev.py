"""`fastlambda dev`: the service on this machine, as Lambda would run it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fastlambda_cli.cli.options import ServiceArgument, StageOption
from fastlambda_cli.service.load import load_service
from fastlambda_cli.service.stages import DEFAULT_STAGE


def dev(
    service: ServiceArgument = Path(),
    stage: StageOption = DEFAULT_STAGE,
    port: Annotated[int, typer.Option(help="Port of the HTTP API; 0 takes any free one.")] = 8000,
    aws_port: Annotated[int, typer.Option(help="Port of the AWS endpoint; 0 takes any free one.")] = 4566,
    raw: Annotated[bool, typer.Option("--raw", help="Print log lines as CloudWatch Logs would hold them.")] = False,
) -> None:
    """Run a service here as Lambda would, with an HTTP API and an AWS endpoint.

    What the function logs, traces and measures is shown request by request. Saving a file replaces the execution
    environments and keeps the URL. Ctrl-C ends everything.

    - `fastlambda dev examples/books`, then `curl http://127.0.0.1:8000/`
    - `fastlambda dev --port 8001 --aws-port 4567` beside another one
    """
    described = load_service(service, stage=stage)
    from fastlambda_cli.cli.serving import run_in_terminal  # noqa: PLC0415 - servers that no other command needs

    run_in_terminal(described, stage=stage, port=port, aws_port=aws_port, raw=raw)
