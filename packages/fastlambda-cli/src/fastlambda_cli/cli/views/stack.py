"""A stack as it stands, its releases, and what its end would take with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fastlambda_cli.cli.views.layout import Place, columns, facts, section
from fastlambda_cli.cli.views.outcome import API_URL, Typed, url_facts
from fastlambda_cli.cli.views.words import ago, kind, moment, person, plural, size
from fastlambda_cli.deploy.model import (
    Destruction,
    Published,
    PublishedImage,
    Release,
    ReleaseStatus,
    ResourceChange,
    StackState,
)

_STATUS_STYLES = {
    ReleaseStatus.LIVE: "bold green",
    ReleaseStatus.EARLIER: "dim",
    ReleaseStatus.STARTED: "yellow",
    ReleaseStatus.FAILED: "red",
}


def status_style(status: str) -> str:
    """How CloudFormation's word for a stack's or a resource's state is shown."""
    if "FAILED" in status or "ROLLBACK" in status:
        return "bold red"
    return "yellow" if status.endswith("_IN_PROGRESS") else "green"


def status_view(
    state: StackState, place: Place, now: datetime, typed: Typed | None = None, *, answers: bool = True
) -> RenderableType:
    """How a stack stands.

    Args:
        state: How.
        place: Where.
        now: The moment that it is compared with.
        typed: What was typed.
        answers: False when the AWS that the URL leads to ends with this command.

    """
    if state.status is None:
        return Text(f"{state.name} is not deployed {place}.")
    heading = Text.assemble((state.name, "bold"), f" {place}  ", (state.status, status_style(state.status)))
    return Group(heading, facts([*url_facts(state.outputs, typed or Typed(), answers=answers), *_facts(state, now)]))


def _facts(state: StackState, now: datetime) -> Iterator[tuple[str, RenderableType]]:
    if state.reason:
        yield "Why", Text(state.reason, style="red" if "FAILED" in (state.status or "") else "")
    if state.updated is not None:
        yield "Updated", Text(f"{ago(state.updated, now)} ({moment(state.updated)})")
    if state.live is not None:
        yield "Release", Text(f"{state.live.number}, by {person(state.live.by)}, {ago(state.live.at, now)}")
        yield _artifact(state.live.artifact)
    if state.version is not None:
        yield "Version", _shares(state.version, state.weights)
    for name, version in state.consumers.items():
        yield "", Text(f"{version} of {name}")
    if state.drifted is not None:
        yield "Drift", _drift(state.drifted)
    url = state.outputs.get(API_URL, "")
    for name, value in state.outputs.items():
        if name != API_URL and not (url and value.startswith(url)):
            yield name, Text(value)


def _artifact(artifact: Published) -> tuple[str, RenderableType]:
    if isinstance(artifact, PublishedImage):
        return "Image", Text(f"{size(artifact.size)}, {artifact.uri}")
    return "Artifact", Text(f"{size(artifact.size)}, sha256 {artifact.sha256}")


def _shares(version: str, weights: object) -> Text:
    if not isinstance(weights, dict) or not weights:
        return Text(version)
    rest = 1 - sum(weights.values())
    others = ", ".join(f"{other} gets {share:.0%}" for other, share in weights.items())
    return Text(f"{version} gets {rest:.0%}, {others}", style="yellow")


def _drift(drifted: tuple[str, ...]) -> Text:
    if not drifted:
        return Text("none: everything is as the template says", style="green")
    return Text(f"changed by hand: {', '.join(drifted)}; the next deployment may fail or undo it", style="bold yellow")


def releases_view(releases: Sequence[Release], stack_name: str) -> RenderableType:
    """The releases of a stack in a table, newest first."""
    if not releases:
        return Text(f"{stack_name} has no releases yet.")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("release", "status", "version", "size"):
        table.add_column(name, no_wrap=True, justify="right" if name in {"release", "size"} else "left")
    table.add_column("begun", no_wrap=True)
    table.add_column("by", overflow="fold")
    for release in releases:
        table.add_row(
            str(release.number),
            Text(release.status, style=_STATUS_STYLES[release.status]),
            release.version or "",
            size(release.artifact.size),
            moment(release.at),
            person(release.by),
        )
    notes = list(_notes(releases))
    return Group(table, Text(), columns(notes)) if notes else table


def _notes(releases: Sequence[Release]) -> Iterator[tuple[Text, Text]]:
    """What a column is too narrow for."""
    for release in releases:
        number = Text(f"{release.number:>7}")
        if release.reason:
            yield number, Text(release.reason, style="red")
        elif release.of is not None:
            yield number, Text(f"back at release {release.of}", style="dim")
        elif release.stands_in:
            yield number, Text("from its folder, by dev", style="dim")


def destruction_view(destruction: Destruction, place: Place, *, purge: bool) -> RenderableType:
    """What goes with a stack, and what stays or, with `purge`, goes as well."""
    stays = destruction.stays
    if not destruction.goes and not stays:
        return Text(f"There is nothing of {destruction.stack_name} {place}.")
    heading = Text.assemble("Destroying ", (destruction.stack_name, "bold"), f" {place}")
    goes = columns((Text("-", style="red"), change.logical_id, _what(change)) for change in destruction.goes)
    parts: list[RenderableType] = [heading]
    if destruction.goes:
        parts.append(section(f"Goes: {plural(len(destruction.goes), 'resource')}", goes))
    if stays and purge:
        rows = ((Text("-", style="bold red"), Text(name)) for name in stays)
        parts.append(section(Text("Goes as well, because of --purge", style="bold red"), columns(rows)))
    elif stays and place.local:
        # The AWS CLI's commands would go to the account that it is signed in to.
        parts.append(section("Stays, unless --purge is given", *map(Text, stays)))
    elif stays:
        lines = [Text.assemble((name, ""), (f"\n  {how}", "dim")) for name, how in stays.items()]
        parts.append(section("Stays, and may cost", *lines))
    return Group(*parts)


def _what(change: ResourceChange) -> Text:
    what = Text(kind(change.kind), style="dim")
    return what.append(f"  {change.physical_id}") if change.physical_id else what
