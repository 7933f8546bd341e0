"""A local AWS on a thread of its own, so that clients which block can talk to it, and waiting for what it does."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from fastlambda_cli.local.aws import LocalAws
from fastlambda_cli.local.model import Sink

PATIENCE_S = 20.0
_START_S = 60.0
_PAUSE_S = 0.01
_Found = TypeVar("_Found")


@contextlib.contextmanager
def in_background(directory: Path, sink: Sink, **settings: Any) -> Iterator[tuple[LocalAws, asyncio.AbstractEventLoop]]:
    """Run a local AWS in the background while the block runs; yield it and the event loop that it runs on."""
    started: Future[tuple[LocalAws, asyncio.AbstractEventLoop]] = Future()
    done = threading.Event()

    async def serve() -> None:
        async with LocalAws(directory, sink, port=0, **settings) as aws:
            started.set_result((aws, asyncio.get_running_loop()))
            await asyncio.to_thread(done.wait)

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as problem:
            if started.done():
                raise
            started.set_exception(problem)

    thread = threading.Thread(target=run, name="local AWS")
    thread.start()
    try:
        yield started.result(_START_S)
    finally:
        done.set()
        thread.join()


def eventually(
    attempt: Callable[[], _Found | None], patience_s: float = PATIENCE_S, pause_s: float = _PAUSE_S
) -> _Found:
    """Try until there is something, however long the machine takes, and fail if there never is."""
    deadline = time.monotonic() + patience_s
    while not (found := attempt()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(pause_s)
    return found
