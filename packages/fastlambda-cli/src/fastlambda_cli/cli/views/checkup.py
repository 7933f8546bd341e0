"""What was looked at, in a list with what to do below what is not as it should be."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from fastlambda_cli.cli.checkup.check import Check, Status
from fastlambda_cli.cli.views.layout import columns
from fastlambda_cli.cli.views.words import plural

_LOOKS = {
    Status.OK: "green",
    Status.WARN: "bold yellow",
    Status.FAIL: "bold red",
    Status.SKIP: "dim",
}


def checkup_view(checks: Sequence[Check]) -> RenderableType:
    """Everything that was looked at, and how many of it want somebody."""
    failures = sum(check.status is Status.FAIL for check in checks)
    warnings = sum(check.status is Status.WARN for check in checks)
    verdict = Text("Everything is as it should be.", style="green")
    if failures or warnings:
        said = f"{plural(failures, 'failure')}, {plural(warnings, 'warning')}."
        verdict = Text(said, style="bold red" if failures else "bold yellow")
    return Group(columns(_row(check) for check in checks), Text(), verdict)


def _row(check: Check) -> tuple[Text, Text, Text]:
    style = _LOOKS[check.status]
    found = Text(check.found, style="dim" if check.status is Status.SKIP else "")
    if check.remedy:
        found.append(f"\n→ {check.remedy}", style="bold not dim")
    return Text(check.status, style=style), Text(check.name), found
