"""`fastlambda deploy`: a service's stack, made or changed."""

from __future__ import annotations

from pathlib import Path

from fastlambda_cli import deploy as engine
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
from fastlambda_cli.service.stages import DEFAULT_STAGE


def deploy(
    service: ServiceArgument = Path(),
    stage: StageOption = DEFAULT_STAGE,
    local: LocalOption = False,
    profile: ProfileOption = None,
    region: RegionOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Deploy a service: show the plan, ask, and do it.

    The code becomes a new version. Traffic moves to it once it has answered a health check, and back when it fails
    one. What fails is rolled back. Ctrl-C is safe at any time, and so is running it again. The first deployment to an
    account and Region makes the stack `fastlambda-bootstrap`, which holds the artifacts.

    - `fastlambda deploy --local` to try it without an account
    - `fastlambda deploy --stage prod --profile work`
    - `fastlambda deploy --stage prod --yes --json` in CI
    """
    changing = Changing(Typed(service, stage, local, profile, region), yes=yes, as_json=as_json)
    changing.run("A deployment", "Deploy this?", engine.deploy)
