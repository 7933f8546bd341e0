"""`fastlambda dlq`: the messages that a service could not handle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from fastlambda_cli.aws.queues import DeadLetter, Queue
from fastlambda_cli.aws.session import Aws
from fastlambda_cli.cli.consumed import consumed_queues
from fastlambda_cli.cli.documents import print_document, told_to_machines
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
from fastlambda_cli.cli.view import PICTURES
from fastlambda_cli.cli.views.layout import columns, section
from fastlambda_cli.cli.views.outcome import Typed
from fastlambda_cli.cli.views.progress import Progress
from fastlambda_cli.service.stages import DEFAULT_STAGE

_SHOWN = 200
"""Characters of a body that are shown to a person."""


@dataclass(frozen=True, slots=True)
class _Found:
    """The dead letters of one queue.

    Attributes:
        queue: As AWS knows it.
        waiting: How many there are, by SQS's count.
        messages: Some of them.
        redriven: How many were sent to the queue again; None when nobody asked for that.

    """

    queue: str
    waiting: int
    messages: Sequence[DeadLetter] = field(default=())
    redriven: int | None = None


def dlq(
    queue: Annotated[
        str | None, typer.Argument(help="The queue, by the name that the service declares.", show_default="all")
    ] = None,
    service: ServiceArgument = Path(),
    redrive: Annotated[
        bool, typer.Option("--redrive", help="Send them to the queue again, as they are, and delete them here.")
    ] = False,
    stage: StageOption = DEFAULT_STAGE,
    local: LocalOption = False,
    profile: ProfileOption = None,
    region: RegionOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the messages that a service could not handle, or send them again.

    Of each dead-letter queue ten messages are shown at the most; they stay where they are.

    - `fastlambda dlq --stage prod`
    - `fastlambda dlq book-imports --redrive`
    """
    typed = Typed(service, stage, local, profile, region)
    console = report_console(stderr=as_json)
    with told_to_machines(as_json=as_json), interruptible():
        with Progress(console, typed.reaching) as progress, opened(typed, progress) as at:
            queues = consumed_queues(at.target, queue)
            found = {name: _found(at.aws, known_by, redrive=redrive) for name, known_by in queues.items()}
        if as_json:
            print_document({name: asdict(each) for name, each in found.items()})
        else:
            console.print(_view(found))


def _found(aws: Aws, known_by: str, *, redrive: bool) -> _Found:
    queue = Queue(aws, known_by)
    dead = queue.dead_letters()
    if redrive:
        moved = max(dead.move(queue), default=0)
        return _Found(queue.name, dead.count(), redriven=moved)
    return _Found(queue.name, dead.count(), dead.look())


def _view(found: Mapping[str, _Found]) -> RenderableType:
    return Group(*(_of_queue(name, each) for name, each in found.items()))


def _of_queue(name: str, found: _Found) -> RenderableType:
    if found.redriven is not None:
        return section(name, Text(f"{found.redriven} sent to {found.queue} again, {found.waiting} left"))
    if not found.messages:
        return section(name, Text("No dead letters", style="dim"))
    rows = [
        (f"{each.sent:%Y-%m-%d %H:%M} UTC", Text(each.message_id), Text(each.body[:_SHOWN].translate(PICTURES)))
        for each in found.messages
    ]
    return section(f"{name}: {max(found.waiting, len(found.messages))} dead", columns(rows))
