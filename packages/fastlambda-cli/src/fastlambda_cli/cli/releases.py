"""`fastlambda releases`: what was deployed, when and by whom."""

from __future__ import annotations

from pathlib import Path

from fastlambda_cli import deploy as engine
from fastlambda_cli.cli.documents import print_document, release_document, told_to_machines
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
from fastlambda_cli.cli.views.stack import releases_view
from fastlambda_cli.service.stages import DEFAULT_STAGE


def releases(
    service: ServiceArgument = Path(),
    stage: StageOption = DEFAULT_STAGE,
    local: LocalOption = False,
    profile: ProfileOption = None,
    region: RegionOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what was deployed, when and by whom, newest first.

    Each of them, but those that failed, can be returned to with `fastlambda rollback --to`. It changes nothing.

    - `fastlambda releases --stage prod`
    """
    typed = Typed(service, stage, local, profile, region)
    console = report_console(stderr=as_json)
    with told_to_machines(as_json=as_json), interruptible():
        with Progress(console, typed.reaching) as progress, opened(typed, progress) as at:
            every = engine.releases(at.aws, at.target.stack_name)
        if as_json:
            print_document({"releases": [release_document(release) for release in every]})
        else:
            console.print(releases_view(every, at.target.stack_name))
