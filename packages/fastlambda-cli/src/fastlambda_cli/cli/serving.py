"""Running the local cloud in a terminal, from the first line to the last."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import sys
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from rich.markup import escape

from fastlambda_cli.cli.dev_stack import DevStack
from fastlambda_cli.cli.quick import settle
from fastlambda_cli.cli.signals import INTERRUPTED, ONE_PRESS_S, SIGNALS
from fastlambda_cli.cli.terminal import Output, console
from fastlambda_cli.cli.view import RawView, TerminalView
from fastlambda_cli.local.cloud import LocalCloud
from fastlambda_cli.local.event_loop import attentive_loop
from fastlambda_cli.local.model import Sink
from fastlambda_cli.service.model import Service


def run_in_terminal(service: Service, *, stage: str, port: int, aws_port: int, raw: bool) -> None:
    """Run a service until a signal ends it.

    Args:
        service: What to run, as loaded for the stage.
        stage: Whose place in the local AWS the service's folder takes.
        port: The HTTP API's port, 0 for any free one.
        aws_port: The AWS endpoint's port, 0 for any free one.
        raw: Whether to print log lines as CloudWatch Logs would hold them.

    Raises:
        FastLambdaError: Something that is needed cannot be had; nothing is left running then.

    """
    with asyncio.Runner(loop_factory=attentive_loop) as runner:
        runner.run(_serve(service, stage, port, aws_port, raw=raw))


def _line_for_a_shell(service: Service) -> str:
    """What gives another shell in this folder the AWS endpoint and its access key, which the log does not show."""
    folder = os.path.relpath(service.root)
    command = "fastlambda env" if folder == "." else f"fastlambda env {shlex.quote(folder)}"
    return escape(f'eval "$({command})"')


async def _serve(service: Service, stage: str, port: int, aws_port: int, *, raw: bool) -> None:
    serving = asyncio.current_task()
    assert serving is not None  # noqa: S101 - asyncio.run runs this in a task
    _on_signal(serving)
    view: Sink = (
        RawView(console)
        if raw
        # A saved pyproject.toml may rename it.
        else TerminalView(console, service.root, function=lambda: local_cloud.function_name)
    )
    # Not twice: a second cancellation would break off the end that the first has begun.
    output = Output(view, lambda: serving.cancelling() or serving.cancel())
    output.say(f"[bold]fastlambda[/] {service.name}: starting the local cloud")
    with contextlib.suppress(asyncio.CancelledError):
        stack = DevStack(output)
        local_cloud = LocalCloud(
            service, output, stage=stage, http_port=port, aws_port=aws_port, described=stack.describe
        )
        async with local_cloud as cloud, _meanwhile(stack.follow(cloud)):
            output.say(f"[bold green]Ready[/]  API  [bold]{cloud.http_url}[/]")
            output.say(f"       AWS  {cloud.endpoint_url}  [dim](for a shell: {_line_for_a_shell(service)})[/]")
            output.say("       [dim]Ctrl-C ends everything; saving a file reloads.[/]")
            settle()
            await cloud.follow()
    output.say("Ended; nothing is left running.")


@contextlib.asynccontextmanager
async def _meanwhile(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do something beside the block, and end it with the block."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


def _on_signal(serving: asyncio.Task[Any]) -> None:
    """Let the first signal end everything in order, and a second one end it at once."""
    loop = asyncio.get_running_loop()
    first: float | None = None

    def stop() -> None:
        nonlocal first
        now = loop.time()
        first = first or now
        if serving.cancelling() and now - first < ONE_PRESS_S:
            return
        if serving.cancelling():
            # The children's records stay, so that the next start ends what this leaves behind.
            sys.stderr.write("Interrupted again: leaving now; the next start cleans up.\n")
            os._exit(INTERRUPTED)
        serving.cancel()

    for number in SIGNALS:
        loop.add_signal_handler(number, stop)
