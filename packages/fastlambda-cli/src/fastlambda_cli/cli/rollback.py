"""`fastlambda rollback`: an earlier release, live again without a build."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from fastlambda_cli import deploy as engine
from fastlambda_cli.aws.session import Aws
from fastlambda_cli.cli.changing import Changing
from fastlambda_cli.cli.options import (
    JsonOption,
    LocalOption,
    ProfileOption,
    RegionOption,
    ServiceArgument,
    StageOption,
    YesOption,
)
from fastlambda_cli.cli.views.outcome import Typed
from fastlambda_cli.deploy.model import Outcome, Plan, Target, Tell
from fastlambda_cli.service.stages import DEFAULT_STAGE


def rollback(
    service: ServiceArgument = Path(),
    stage: StageOption = DEFAULT_STAGE,
    to: Annotated[int | None, typer.Option(min=1, help="The release's number.", show_default="the one before")] = None,
    local: LocalOption = False,
    profile: ProfileOption = None,
    region: RegionOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Return to an earlier release: its artifact, template and parameters.

    Nothing is built and nothing of your folder is deployed. The release is deployed as any other, with its plan, its
    health check and a number of its own. `fastlambda releases` lists what there is.

    - `fastlambda rollback --stage prod` to the release before the live one
    - `fastlambda rollback --stage prod --to 12`
    """

    def back(target: Target, aws: Aws, tell: Tell, *, confirm: Callable[[Plan], bool]) -> Outcome | None:
        return engine.rollback(aws, target.stack_name, tell, to=to, confirm=confirm, owner=target.described)

    changing = Changing(Typed(service, stage, local, profile, region), yes=yes, as_json=as_json)
    changing.run("A rollback", "Go back?", back)
