"""`fastlambda doctor`: whether everything that a deployment needs is there."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import typer

from fastlambda_cli.cli.checkup.check import Check, Status
from fastlambda_cli.cli.checkup.machine import machine_checks
from fastlambda_cli.cli.checkup.project import project_checks
from fastlambda_cli.cli.documents import print_document
from fastlambda_cli.cli.options import (
    JsonOption,
    LocalOption,
    ProfileOption,
    RegionOption,
    ServiceArgument,
    StageOption,
)
from fastlambda_cli.cli.terminal import report_console
from fastlambda_cli.cli.views.checkup import checkup_view
from fastlambda_cli.service.stages import DEFAULT_STAGE

FAILURE = 1
"""The exit code when something fails; warnings are none."""


def doctor(
    service: ServiceArgument = Path(),
    stage: StageOption = DEFAULT_STAGE,
    local: LocalOption = False,
    profile: ProfileOption = None,
    region: RegionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that everything is there that a deployment needs.

    Python, uv, the service and its lock, the ports of `dev`; then the network, the clock, credentials, the bootstrap
    stack and Lambda's quotas. Whatever is not as it should be comes with what to do about it. Nothing is changed.

    - `fastlambda doctor --local` for this machine alone, where AWS is not needed
    - `fastlambda doctor --profile work --region eu-west-1` for an account
    """
    checks = list(_checks(service, stage, profile, region, local=local))
    if as_json:
        print_document({"ok": not _failing(checks), "checks": checks})
    else:
        report_console().print(checkup_view(checks))
    if _failing(checks):
        raise typer.Exit(FAILURE)


def _checks(folder: Path, stage: str, profile: str | None, region: str | None, *, local: bool) -> Iterator[Check]:
    yield from machine_checks(folder)
    service, found = project_checks(folder, stage)
    yield from found
    if not local:
        from fastlambda_cli.aws.session import connect  # noqa: PLC0415 - not needed on this machine alone
        from fastlambda_cli.cli.checkup.account import account_checks  # noqa: PLC0415

        yield from account_checks(service, partial(connect, profile=profile, region=region))


def _failing(checks: list[Check]) -> bool:
    return any(check.status is Status.FAIL for check in checks)
