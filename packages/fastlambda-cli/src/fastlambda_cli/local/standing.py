"""The local AWS of a service for commands that come and go: that of a running `dev`, or one of their own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.keys import read_keys
from fastlambda_cli.local.model import Notice, Sink
from fastlambda_cli.local.session import STATE, AlreadyRunningError, Session, exclusive, running_session

_POLL_S = 0.05
_AHEAD = ("cloudformation",)
"""What every command with a local AWS of its own asks for."""
_AWS = "aws"


@dataclass(frozen=True, slots=True)
class LocalEndpoint:
    """Where AWS SDKs find AWS on this machine.

    Attributes:
        endpoint_url: The front door's URL.
        keys: What requests are signed with.
        dev: The running `dev` that it is part of; None when it was started for this command and ends with it.
        ready: Waits until requests are answered, and raises what a start that failed raised.

    """

    endpoint_url: str
    keys: Keys
    dev: Session | None
    ready: Callable[[], None]

    @property
    def owned(self) -> bool:
        """Whether it was started for this command and ends with it."""
        return self.dev is None


@contextlib.contextmanager
def local_aws(service_root: Path, sink: Sink, *, own_files: bool = True) -> Iterator[LocalEndpoint]:
    """Give the local AWS of the service in a folder while the block runs.

    A running `dev` of the service is used as it is. Without one the local AWS is started, with the state that earlier
    ones left, and ended with the block, an interrupted one too. Another command that has started it for itself is
    waited for, and so is a `dev` that is not ready yet.

    The block begins while the emulator still starts, so that what needs no AWS yet is done meanwhile. Its first request
    is to wait for `ready`; a start that fails is raised there, or else when the block has ended.

    Args:
        service_root: The service's folder.
        sink: Is told what is waited for, and what happens to a local AWS that is started, on the thread that it runs
            on.
        own_files: Whether functions of a local AWS that is started have file systems of their own, where that can be.

    Raises:
        ToolchainError: The emulator is not installed and cannot be.
        EmulatorError: It does not start, or is that of an older release.
        FastLambdaError: The state cannot be kept.

    """
    state = service_root / STATE
    with contextlib.ExitStack() as stack:
        dev = _mine_or_that_of(stack, state, sink)
        if dev is not None:
            yield LocalEndpoint(dev.endpoint_url, keys_of(state), dev, _at_once)
        else:
            yield stack.enter_context(_started(state, sink, own_files=own_files))


def _mine_or_that_of(stack: contextlib.ExitStack, state: Path, sink: Sink) -> Session | None:
    """Hold the state until the stack is closed, or else return the session that does; wait for either."""
    waiting = False
    while True:
        try:
            stack.enter_context(exclusive(state))
        except AlreadyRunningError as other:
            session = running_session(state)
            if session is not None:
                return session
            if not waiting:
                waiting = True
                sink(Notice(f"Waiting for another command on {state.parent.name}: {other.why}"))
            time.sleep(_POLL_S)
        else:
            return None


def keys_of(state: Path) -> Keys:
    """The key of the local AWS whose state is in a service's `.fastlambda` folder, and which has been started.

    Raises:
        EmulatorError: It was started by a release that had none, or its file cannot be read.

    """
    keys = read_keys(state / _AWS)
    if keys is None:
        raise EmulatorError(
            "The local AWS that is running has no access key",
            why="an older release of FastLambda started it",
            remedy="End that `fastlambda dev` and start it again.",
        )
    return keys


def _at_once() -> None:
    """A `dev` records its session when it is ready."""


@contextlib.contextmanager
def _started(state: Path, sink: Sink, *, own_files: bool) -> Iterator[LocalEndpoint]:
    """Run a local AWS on a thread with an event loop of its own; give it as soon as it listens."""
    background = _Background(state / _AWS, sink, own_files=own_files)
    with ThreadPoolExecutor(1, thread_name_prefix="local AWS") as threads:
        ended = threads.submit(background.run)
        try:
            endpoint_url = background.endpoint_url.result()
            yield LocalEndpoint(endpoint_url, keys_of(state), None, background.ready.result)
            if background.ready.done():
                background.ready.result()
        finally:
            background.stop()
            ended.result()


class _Background:
    """A local AWS from its start to its end, on whichever thread calls `run`.

    Attributes:
        endpoint_url: Is there once it listens; or else the reason why it does not.
        ready: Is done once requests are answered; or else has the reason why the start failed.

    """

    def __init__(self, directory: Path, sink: Sink, *, own_files: bool) -> None:
        self.endpoint_url: Future[str] = Future()
        self.ready: Future[None] = Future()
        self._directory = directory
        self._sink = sink
        self._own_files = own_files
        self._loop = asyncio.new_event_loop()
        self._serving: asyncio.Task[None] | None = None
        self._stopped = threading.Event()

    def run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    def stop(self) -> None:
        """End it, also while it starts."""
        self._stopped.set()
        with contextlib.suppress(RuntimeError):  # its loop is closed: it did not start
            self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._serving is not None:
            self._serving.cancel()

    async def _serve(self) -> None:
        from fastlambda_cli.local.aws import LocalAws, Running  # noqa: PLC0415 - servers of a running `dev`

        self._serving = asyncio.current_task()
        if self._stopped.is_set():
            return
        with contextlib.suppress(asyncio.CancelledError):
            try:
                listening = self.endpoint_url.set_result
                running = Running(own_files=self._own_files)
                async with LocalAws(
                    self._directory, self._sink, port=0, listening=listening, running=running, ahead=_AHEAD
                ):
                    self.ready.set_result(None)
                    if not self._stopped.is_set():  # the start may have lost the cancellation
                        await asyncio.Event().wait()
            except Exception as problem:
                if self.ready.done():
                    raise
                self.ready.set_exception(problem)
                if not self.endpoint_url.done():
                    self.endpoint_url.set_exception(problem)
