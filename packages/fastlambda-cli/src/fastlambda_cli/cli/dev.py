"""`fastlambda dev`: the service on this machine, as Lambda would run it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from fastlambda_cli.cli.terminal import Output, console
from fastlambda_cli.cli.view import RawView, TerminalView
from fastlambda_cli.local.model import Sink
from fastlambda_cli.service.load import load_service
from fastlambda_cli.service.model import Service

INTERRUPTED = 130
"""The exit code of a program that Ctrl-C ended, by the shells' convention."""


def dev(
    service: Annotated[Path, typer.Argument(help="The service's folder, with its pyproject.toml.")] = Path(),
    port: Annotated[int, typer.Option(help="Port of the HTTP API; 0 takes any free one.")] = 8000,
    aws_port: Annotated[int, typer.Option(help="Port of the AWS endpoint; 0 takes any free one.")] = 4566,
    raw: Annotated[bool, typer.Option("--raw", help="Print log lines as CloudWatch Logs would hold them.")] = False,
) -> None:
    """Run a service here as Lambda would: HTTP API, execution environments, AWS endpoint, logs, traces and metrics.

    Saving a file replaces the execution environments and keeps the URL. Ctrl-C ends everything.
    """
    described = load_service(service)
    view: Sink = RawView(console) if raw else TerminalView(console, described.root)
    asyncio.run(_serve(described, view, port, aws_port))


async def _serve(service: Service, view: Sink, port: int, aws_port: int) -> None:
    from fastlambda_cli.local.cloud import LocalCloud  # noqa: PLC0415 - servers and clients no other command needs

    serving = asyncio.current_task()
    assert serving is not None  # noqa: S101 - asyncio.run runs this in a task
    _on_signal(serving)
    # Not twice: a second cancellation would break off the end that the first has begun.
    output = Output(view, lambda: serving.cancelling() or serving.cancel())
    output.say(f"[bold]fastlambda[/] {service.name}: starting the local cloud")
    with contextlib.suppress(asyncio.CancelledError):
        async with LocalCloud(service, output, http_port=port, aws_port=aws_port) as cloud:
            output.say(f"[bold green]Ready[/]  API  [bold]{cloud.http_url}[/]")
            output.say(f"       AWS  {cloud.endpoint_url}  [dim](aws --endpoint-url, or AWS_ENDPOINT_URL)[/]")
            output.say("       [dim]Ctrl-C ends everything; saving a file reloads.[/]")
            await cloud.follow()
    output.say("Ended; nothing is left running.")


def _on_signal(serving: asyncio.Task[Any]) -> None:
    """Let the first signal end everything in order, and a second one end it at once."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if serving.cancelling():
            # The children's records stay, so that the next start ends what this leaves behind.
            sys.stderr.write("Interrupted again: leaving now; the next start cleans up.\n")
            os._exit(INTERRUPTED)
        serving.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
