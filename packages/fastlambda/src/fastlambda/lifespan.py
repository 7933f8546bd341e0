"""The app's lifespan, once per execution environment, on the one event loop that every invocation shares."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import warnings
from types import FrameType
from typing import TYPE_CHECKING, Any

from fastlambda.errors import StartupError

if TYPE_CHECKING:
    from mangum.types import ASGI, Message, Scope

_log = logging.getLogger(__name__)


def event_loop() -> asyncio.AbstractEventLoop:
    """Return the loop for everything in this environment, and make it the thread's current one.

    A loop that is already current is kept, because what the app made while it was imported may be bound to it.
    """
    try:
        with warnings.catch_warnings():
            # 3.12 and 3.13 warn when they have to make the loop; 3.14 raises instead.
            warnings.simplefilter("ignore", DeprecationWarning)
            loop = asyncio.get_event_loop()
    except RuntimeError:
        loop = asyncio.new_event_loop()
    if loop.is_closed():
        loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop


def end_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what still runs on the loop and close it, as `asyncio.run` does at its end."""
    asyncio.set_event_loop(loop)
    for task in (tasks := asyncio.all_tasks(loop)):
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    asyncio.set_event_loop(None)


class Lifespan:
    """Starts the app, keeps it started, and stops it.

    Args:
        app: The ASGI app.
        loop: The loop that runs it.

    Attributes:
        state: What the app's lifespan yielded: every request gets a copy in `scope["state"]`.

    """

    def __init__(self, app: ASGI, loop: asyncio.AbstractEventLoop) -> None:
        self._app = app
        self._loop = loop
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._received = False
        self._reason: str | None = None
        self._started: asyncio.Future[None] = loop.create_future()
        self._stopped: asyncio.Future[None] = loop.create_future()
        self._task: asyncio.Task[None] | None = None
        self._finished = False
        self.state: dict[str, Any] = {}

    def start(self) -> None:
        """Run the app's startup to its end.

        An app that refuses the lifespan scope before it reads a message has no lifespan: the ASGI specification
        lets a server go on without one.

        Raises:
            StartupError: the app's startup failed; its own exception is the cause.

        """
        self._task = self._loop.create_task(self._run(), name="fastlambda lifespan")
        self._inbox.put_nowait({"type": "lifespan.startup"})
        self._loop.run_until_complete(self._started)

    async def stop(self) -> None:
        """Run the app's shutdown to its end, once; a failure is logged, for nobody is left to handle it."""
        if self._finished or self._task is None or self._task.done():
            return
        self._finished = True
        self._inbox.put_nowait({"type": "lifespan.shutdown"})
        await asyncio.wait([self._task, self._stopped], return_when=asyncio.FIRST_COMPLETED)

    async def _run(self) -> None:
        scope: Scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        try:
            await self._app(scope, self._receive, self._send)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - it becomes the cause of a StartupError
            self._app_raised(error)
        else:
            if self._reason is None:
                _settle(self._started)
            else:
                self._fail_startup()

    def _app_raised(self, error: BaseException) -> None:
        if self._started.done():
            _log.error("The app's lifespan failed after its startup", exc_info=error)
        elif not self._received:
            _log.info("The app has no lifespan: it refused the scope with %r", error)
            _settle(self._started)
        else:
            failure = _startup_error(f"{type(error).__name__}: {error}")
            failure.__cause__ = error
            # Lambda shows one traceback and no causes: the app's frames have to be in it.
            self._started.set_exception(failure.with_traceback(error.__traceback__))

    async def _receive(self) -> Message:
        self._received = True
        return await self._inbox.get()

    async def _send(self, message: Message) -> None:
        match message["type"]:
            case "lifespan.startup.complete":
                _settle(self._started)
            case "lifespan.startup.failed":
                # Starlette raises the exception itself right after this message: it is the better cause.
                self._reason = message.get("message") or "the app gave no reason"
                self._loop.call_soon(self._fail_startup)
            case "lifespan.shutdown.complete":
                _settle(self._stopped)
            case "lifespan.shutdown.failed":
                _log.error("The app's shutdown failed: %s", message.get("message", ""))
                _settle(self._stopped)

    def _fail_startup(self) -> None:
        if not self._started.done():
            self._started.set_exception(_startup_error(self._reason or ""))


def _startup_error(why: str) -> StartupError:
    return StartupError("The app's startup failed", why=why, remedy="Look at its lifespan function.")


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def stop_on_sigterm(lifespan: Lifespan, loop: asyncio.AbstractEventLoop) -> None:
    """Run the app's shutdown, then exit 0, when Lambda ends the environment.

    Lambda sends SIGTERM only to environments that have an extension, and leaves 300 ms (AWS Lambda Developer Guide,
    "Lambda runtime environment lifecycle"), so shutdown is a courtesy and never a place to save work. Runtimes before
    Python 3.12 wait for the next event in C code, where the interpreter sees the signal too late. A handler that was
    there before is called after the shutdown.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    previous = signal.getsignal(signal.SIGTERM)

    def end(number: int, frame: FrameType | None) -> None:
        try:
            if callable(previous):
                previous(number, frame)
        except SystemExit:
            pass  # it wanted what follows
        except Exception:  # noqa: BLE001 - it must not keep the environment from ending
            _log.exception("The SIGTERM handler that was there before failed")
        sys.stdout.flush()
        sys.stderr.flush()
        # sys.exit would wait for the runtime's thread, which waits for an event that never comes.
        os._exit(0)

    def on_sigterm(number: int, frame: FrameType | None) -> None:
        async def stop_then_end() -> None:
            await lifespan.stop()
            end(number, frame)

        if loop.is_running():
            loop.call_soon_threadsafe(lambda: _keep(loop.create_task(stop_then_end())))
        else:
            loop.run_until_complete(lifespan.stop())
            end(number, frame)

    signal.signal(signal.SIGTERM, on_sigterm)


_kept: set[asyncio.Task[None]] = set()


def _keep(task: asyncio.Task[None]) -> None:
    # The loop itself holds tasks only weakly.
    _kept.add(task)
