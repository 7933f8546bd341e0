"""What a deployment would do, as a person reads it before saying yes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import groupby

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from fastlambda_cli.cli.views.layout import Place, columns, section
from fastlambda_cli.cli.views.words import kind, money, plural, size
from fastlambda_cli.deploy.model import Action, ArtifactChange, Cost, FileChange, PermissionChange, Plan, ResourceChange

_LOOKS = {
    Action.ADD: ("+", "green"),
    Action.IMPORT: ("<", "cyan"),
    Action.CHANGE: ("~", "yellow"),
    Action.MAY_REPLACE: ("!", "bold yellow"),
    Action.REPLACE: ("!", "bold red"),
    Action.REMOVE: ("-", "red"),
    Action.KEEP: (".", "dim"),
}
"""Symbol and style of every action, in the order they are shown: what matters most is nearest to the question."""
_EXPLAINED = {
    Action.REPLACE: "made anew; the one there is now is deleted",
    Action.MAY_REPLACE: "AWS decides while it deploys whether it is made anew",
}
_COUNTED = {
    Action.ADD: "to add",
    Action.IMPORT: "to take over",
    Action.CHANGE: "to change",
    Action.MAY_REPLACE: "may be replaced",
    Action.REPLACE: "to replace",
    Action.REMOVE: "to remove",
    Action.KEEP: "to leave behind",
}
_ORDER = list(_LOOKS)
_SHOWN_FILES = 12
_TO_BE_MADE = re.compile(r"^\$\{([A-Za-z0-9]+)(\.Arn)?\}$")
"""A resource of the stack whose name AWS gives it later: as a whole it reads better by its logical id alone."""


def plan_view(plan: Plan, place: Place) -> RenderableType:
    """Everything a plan says.

    Args:
        plan: What would be done.
        place: Where.

    """
    heading = Text.assemble("Plan for ", (plan.stack_name, "bold"), f" {place}")
    if plan.creates:
        heading.append(": a new stack")
    if plan.empty:
        return Group(heading, Text(), Text("Nothing to do: it stands as described.", style="green"))
    return Group(heading, *_sections(plan), Text(), _summary(plan))


def _sections(plan: Plan) -> Iterator[RenderableType]:
    first = list(_made_first(plan))
    if first:
        yield section("Made first", columns(first))
    yield section("Resources", columns((cell for cell in _row(change)) for change in _ordered(plan.changes)))
    if plan.permissions:
        yield section("Permissions", *_permissions(plan.permissions))
    if plan.artifact is not None:
        yield section(_artifact_heading(plan.artifact), *_files((*plan.artifact.layers, *plan.artifact.files)))
    if plan.left_out:
        rows = ((Text(".", style="dim"), name, Text(kind(what))) for name, what in plan.left_out.items())
        yield section("Left out, because the AWS on this machine lacks it", columns(rows))
    if plan.cost is not None:
        yield section(_cost_heading(plan.cost), *_cost(plan.cost))


def _made_first(plan: Plan) -> Iterator[tuple[Text, str, str]]:
    add = Text("+", style="green")
    if plan.bootstrap:
        yield add, "fastlambda-bootstrap", "once for the account and Region: a bucket and an image repository"
    for name in plan.new_secrets:
        yield add, name, "a secret with generated values, which no later deployment replaces"


def _ordered(changes: tuple[ResourceChange, ...]) -> list[ResourceChange]:
    return sorted(changes, key=lambda change: _ORDER.index(change.action))


def _row(change: ResourceChange) -> Iterator[RenderableType]:
    symbol, style = _LOOKS[change.action]
    yield Text(symbol, style=style)
    yield Text(change.action, style=style)
    yield Text(change.logical_id, style=style if change.action in _EXPLAINED else "")
    details = Text(kind(change.kind), style="dim")
    if change.properties:
        because = "because of " if change.action in _EXPLAINED else ""
        details.append(f"  {because}{', '.join(change.properties)}", style="default not dim")
    if explained := _EXPLAINED.get(change.action):
        details.append(f"\n{explained}", style=f"{style} not dim")
        if change.physical_id:
            details.append(f": {change.physical_id}", style=f"{style} not dim")
    yield details


def _permissions(changes: tuple[PermissionChange, ...]) -> Iterator[RenderableType]:
    by_who = sorted(changes, key=lambda change: change.to)
    for who, group in groupby(by_who, key=lambda change: change.to):
        yield Text(who)
        rows = (row for change in group for row in _permission(change))
        yield Padding(columns(rows), (0, 0, 0, 2), expand=False)


def _permission(change: PermissionChange) -> Iterator[tuple[Text, RenderableType]]:
    style = "green" if change.granted else "red"
    action = change.action if change.effect == "Allow" else f"{change.effect} {change.action}"
    yield Text("+" if change.granted else "-", style=style), Text(action, style=style)
    below = [(Text("on", style="dim"), Text(_TO_BE_MADE.sub(r"the resource \1", change.resource)))]
    if change.condition:
        below.append((Text("if", style="dim"), Text(change.condition)))
    yield Text(), columns(below)


def _artifact_heading(artifact: ArtifactChange) -> Text:
    what = "Image" if artifact.type == "image" else "Artifact"
    heading = Text.assemble((what, "bold"), f"  {size(artifact.size)}")
    if artifact.unpacked is not None:
        heading.append(f", unpacked {size(artifact.unpacked)}")
    if not artifact.changed:
        return heading.append("; the same as the live one")
    return heading if artifact.previous_size is None else heading.append(f"; it was {size(artifact.previous_size)}")


def _files(files: tuple[FileChange, ...]) -> Iterator[RenderableType]:
    if files:
        yield columns(_file(change) for change in files[:_SHOWN_FILES])
    if (hidden := len(files) - _SHOWN_FILES) > 0:
        yield Text(f"and {plural(hidden, 'more file')}", style="dim")


def _file(change: FileChange) -> tuple[Text, Text, Text]:
    match change:
        case FileChange(before=None, after=int(after)):
            return Text("+", style="green"), Text(size(after), justify="right"), Text(change.path)
        case FileChange(before=int(before), after=None):
            return Text("-", style="red"), Text(size(before), justify="right"), Text(change.path)
        case _:
            return Text("~", style="yellow"), Text(size(change.after or 0), justify="right"), Text(change.path)


def _cost_heading(cost: Cost) -> Text:
    return Text.assemble(("Cost", "bold"), f"  about {money(cost.usd)} a month: {cost.load}")


def _cost(cost: Cost) -> Iterator[RenderableType]:
    rows = (
        (Text(money(line.usd), justify="right"), line.what, Text(line.quantity, style="dim")) for line in cost.lines
    )
    yield columns(rows, folded=2)
    for what in cost.unpriced:
        yield Text(f"not counted: {what}", style="yellow")
    yield Text(cost.prices, style="dim")


def _summary(plan: Plan) -> Text:
    counts = Counter(change.action for change in plan.changes)
    summary = Text("   ").join(
        Text(f"{_LOOKS[action][0]} {counts[action]} {words}", style=_LOOKS[action][1])
        for action, words in _COUNTED.items()
        if counts[action]
    )
    if plan.publishes:
        summary.append("\nA new version is published and checked; only then does traffic move to it.", style="dim")
    return summary
