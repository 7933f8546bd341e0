"""`fastlambda send`: a message to a queue that a service consumes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fastlambda_cli.aws.queues import Queue
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
from fastlambda_cli.cli.views.outcome import Typed
from fastlambda_cli.cli.views.progress import Progress
from fastlambda_cli.service.stages import DEFAULT_STAGE

_GROUP = "fastlambda"


def send(  # noqa: PLR0913, PLR0917 - a command's arguments are its options
    queue: Annotated[str, typer.Argument(help="The queue, by the name that the service declares.")],
    message: Annotated[str, typer.Argument(help="The message's body.")],
    service: ServiceArgument = Path(),
    group: Annotated[str, typer.Option("--group", help="Of a FIFO queue the message group.")] = _GROUP,
    stage: StageOption = DEFAULT_STAGE,
    local: LocalOption = False,
    profile: ProfileOption = None,
    region: RegionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a message to a queue that a service consumes.

    The body is sent as it stands. With --local it reaches the queue of a running `dev`, whose log shows what becomes
    of it.

    - `fastlambda send book-imports '{"title": "Momo"}' --local`
    """
    typed = Typed(service, stage, local, profile, region)
    console = report_console(stderr=as_json)
    with told_to_machines(as_json=as_json), interruptible():
        with Progress(console, typed.reaching) as progress, opened(typed, progress) as at:
            [name] = consumed_queues(at.target, queue).values()
            to = Queue(at.aws, name)
            message_id = to.send(message, group if to.name.endswith(".fifo") else None)
        if as_json:
            print_document({"queue": to.name, "message_id": message_id})
        else:
            console.print(f"Sent to {to.name}: message {message_id}", markup=False, highlight=False)
