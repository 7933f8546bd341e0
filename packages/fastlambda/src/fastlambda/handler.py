"""FastLambda: a FastAPI app, or any ASGI app, as a Lambda handler."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from fastlambda import exchange, startup
from fastlambda.errors import BadRequestError
from fastlambda.failure import FailureMiddleware, quiet_adapter, raisable
from fastlambda.http import adapter, plain_answer
from fastlambda.lifespan import Lifespan, end_loop, event_loop, stop_on_sigterm
from fastlambda.observe import logging as logs
from fastlambda.observe import metrics, tracing
from fastlambda.observe.middleware import ObserveMiddleware
from fastlambda.routes import Routes
from fastlambda.settings import current

if TYPE_CHECKING:
    from typing import Self

    from mangum.types import ASGI, LambdaContext

    from fastlambda.events.router import EventRouter

Handler = Callable[[Any, Any], Any]

_log = logging.getLogger(__name__)


class FastLambda:
    """A Lambda handler that runs an ASGI app: `handler = FastLambda(app)`.

    Building it is part of INIT: the app's lifespan starts here, once, on the event loop that every invocation uses.

    Args:
        app: The FastAPI app, or any other ASGI app.
        events: The consumers of other events, which share the app's dependencies.

    Attributes:
        app: The app.
        events: The consumers; None without any.
        loop: The event loop of the lifespan and of every request.
        state: What the lifespan yielded.

    Raises:
        SettingsError: an environment variable has a name or a value that means nothing, or one that is needed lacks.
        StartupError: the app's lifespan failed to start; the app's own exception is the cause.

    """

    def __init__(self, app: ASGI, *, events: EventRouter | None = None) -> None:
        settings = current()
        self.__name__ = settings.handler_name
        self._raise_errors = settings.raise_errors
        self.app = app
        self.events = events
        self.loop = event_loop()
        logs.take_over()
        quiet_adapter()
        tracer = tracing.EventTracer(settings)

        # Loaded by now where something is idempotent, and nowhere else.
        if settings.in_lambda and "fastlambda.idempotency.records" in sys.modules:
            sys.modules["fastlambda.idempotency.records"].prepare()
        self._lifespan = Lifespan(app, self.loop)
        self._lifespan.start()
        self.state = self._lifespan.state
        if settings.in_lambda:
            stop_on_sigterm(self._lifespan, self.loop)
        self._known_tasks: WeakSet[asyncio.Task[Any]] = WeakSet(asyncio.all_tasks(self.loop))

        guarded = FailureMiddleware(app, logs.failure)
        observed = ObserveMiddleware(guarded, Routes(app), self.state, tracer)
        self._adapter = adapter(observed)
        handle = self._http if events is None else self._delivering(events, app, tracer)
        self._invoke = logs.with_context(tracer.traced(metrics.flushed(handle, settings), self.__name__))
        startup.settle()

    def __call__(self, event: Any, context: LambdaContext) -> Any:
        """Answer one event.

        Raises:
            UnknownEventError: the event is not an HTTP request, and there is no consumer for it.
            Exception: with FASTLAMBDA_RAISE_ERRORS, whatever the app let escape; and what a consumer did, but for
                those of queues, which report their failed messages.

        """
        # Code that ran a loop of its own, such as asyncio.run, has left the thread without one.
        asyncio.set_event_loop(self.loop)
        return self._invoke(event, context)

    def close(self) -> None:
        """Run the app's shutdown and end the event loop with all that still runs on it.

        For tests and scripts, which write `with FastLambda(app) as handler:`; Lambda has no use for it.
        """
        if not self.loop.is_closed():
            self.loop.run_until_complete(self._lifespan.stop())
            end_loop(self.loop)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _delivering(self, events: EventRouter, app: ASGI, tracer: tracing.EventTracer) -> Handler:
        from fastlambda.events.delivery import Deliveries  # noqa: PLC0415 - a function without events does not load it

        deliveries = Deliveries(events, app, self.state, self.loop, tracer, self._http)

        def deliver(event: Any, context: LambdaContext) -> Any:
            try:
                return deliveries(event, context)
            finally:
                self._report_running_tasks()

        return deliver

    def _http(self, event: Any, context: LambdaContext) -> dict[str, Any]:
        try:
            answer = self._answer(event, context)
        finally:
            self._report_running_tasks()
            request = exchange.end()
        if self._raise_errors and request is not None and request.error is not None:
            raise raisable(request.error)
        return answer

    def _answer(self, event: Any, context: LambdaContext) -> dict[str, Any]:
        try:
            return self._adapter(event, context)
        except BadRequestError as error:
            _log.warning("Refused a request: %s", error)
            return plain_answer(400, f"{error.what}: {error.why}")
        except (SystemExit, KeyboardInterrupt):
            # asyncio stops the loop for these two when a task of the app's own raises them, such as that in which
            # Starlette's BaseHTTPMiddleware runs a route; they have yet to arrive in the request's own task.
            request = exchange.current()
            if request is None or request.task is None:
                raise
            self.loop.run_until_complete(asyncio.wait([request.task]))
            return plain_answer(500, "Internal Server Error")

    def _report_running_tasks(self) -> None:
        if not self._running_tasks():
            return
        # A turn of the loop, for those that need no more to end: the closing of an async generator that was left early.
        self.loop.run_until_complete(asyncio.sleep(0))
        for task in self._running_tasks():
            self._known_tasks.add(task)
            _log.warning(
                "Task %s (%s) still runs although its event has ended: Lambda freezes it until the next one. "
                "Await it, or hand its work to a queue",
                task.get_name(),
                getattr(task.get_coro(), "__qualname__", None) or task.get_coro(),
            )

    def _running_tasks(self) -> list[asyncio.Task[Any]]:
        return [task for task in asyncio.all_tasks(self.loop) if task not in self._known_tasks]
