"""`fastlambda status`: a stack as it stands."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from fastlambda_cli import deploy as engine
from fastlambda_cli.cli.documents import print_document, state_document, told_to_machines
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
from fastlambda_cli.cli.views.stack import status_view
from fastlambda_cli.service.stages import DEFAULT_STAGE


def status(
    service: ServiceArgument = Path(),
    stage: StageOption = DEFAULT_STAGE,
    local: LocalOption = False,
    profile: ProfileOption = None,
    region: RegionOption = None,
    drift: Annotated[
        bool, typer.Option("--drift", help="Look for what was changed by hand; CloudFormation takes a while.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show how a service's stack stands: URL, release, version, traffic.

    It changes nothing and needs nothing but credentials that may look. A stack that is not there is no error.

    - `fastlambda status --stage prod --drift`
    - `fastlambda status --local`
    """
    typed = Typed(service, stage, local, profile, region)
    console = report_console(stderr=as_json)
    with told_to_machines(as_json=as_json), interruptible():
        with Progress(console, typed.reaching) as progress, opened(typed, progress) as at:
            state = engine.status(at.aws, at.target.stack_name, drift=drift)
            place, answers = at.place, at.lasts
        if as_json:
            print_document(state_document(state))
        else:
            console.print(status_view(state, place, datetime.now(UTC), typed, answers=answers))
