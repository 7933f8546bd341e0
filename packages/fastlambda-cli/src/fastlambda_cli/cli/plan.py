"""`fastlambda plan`: what a deployment would do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fastlambda_cli import deploy as engine
from fastlambda_cli.cli.documents import plan_document, print_document, told_to_machines
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
from fastlambda_cli.cli.views.plan import plan_view
from fastlambda_cli.cli.views.progress import Progress
from fastlambda_cli.service.stages import DEFAULT_STAGE


def plan(
    service: ServiceArgument = Path(),
    stage: StageOption = DEFAULT_STAGE,
    local: LocalOption = False,
    profile: ProfileOption = None,
    region: RegionOption = None,
    requests: Annotated[int, typer.Option(min=0, help="Requests a month that the cost is estimated for.")] = 1_000_000,
    as_json: JsonOption = False,
) -> None:
    """Show what a deployment would do, and change nothing.

    Every resource that is added, changed, replaced or removed, every permission that comes or goes, what is different
    in the artifact, and what it costs a month. It needs credentials that may make a change set; nothing is uploaded
    and nothing is left behind.

    - `fastlambda plan --stage prod --region eu-west-1`
    - `fastlambda plan --local --json` for a test that reads it
    """
    typed = Typed(service, stage, local, profile, region)
    console = report_console(stderr=as_json)
    with told_to_machines(as_json=as_json), interruptible():
        with Progress(console, typed.reaching) as progress, opened(typed, progress) as at:
            made = engine.plan(at.target, at.aws, progress, requests_per_month=requests)
            place = at.place
        if as_json:
            print_document(plan_document(made))
        else:
            console.print(plan_view(made, place))
