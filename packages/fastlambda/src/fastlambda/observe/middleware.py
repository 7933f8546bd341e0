"""The one ASGI layer that watches requests: it knows when each begins and ends, and tells the three concerns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from fastlambda import exchange
from fastlambda.observe import logging as logs
from fastlambda.observe import metrics
from fastlambda.routes import Routes

if TYPE_CHECKING:
    from mangum.types import ASGI, Message, Receive, Scope, Send

    from fastlambda.exchange import Exchange

    class Annotates(Protocol):
        """Says in a trace which request it was."""

        def annotate(self, request: Exchange) -> None:
            """Say how the request ended."""


class ObserveMiddleware:
    """Gives each request its lifespan state, and afterwards its access line, its metrics and its annotations.

    Args:
        app: The app, which may raise.
        routes: The app's routes.
        state: What the lifespan yielded; each request gets a shallow copy, as the ASGI specification says.
        tracer: Where the annotations go.
        begin: Makes a request the current one.

    """

    def __init__(
        self,
        app: ASGI,
        routes: Routes,
        state: Mapping[str, Any],
        tracer: Annotates,
        begin: Callable[[Scope, Routes], Exchange] = exchange.begin,
    ) -> None:
        self._app = app
        self._routes = routes
        self._state = state
        self._tracer = tracer
        self._begin = begin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app and watch what it sends."""
        scope["state"] = dict(self._state)
        request = self._begin(scope, self._routes)

        async def watch(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.start":
                request.status = message["status"]
            else:
                request.answered = not message.get("more_body", False)

        try:
            await self._app(scope, receive, watch)
        except BaseException as error:
            request.fail(error)
            raise
        finally:
            request.finish()
            logs.access(request)
            metrics.count(request)
            self._tracer.annotate(request)
