"""The ASGI app that a server calls outside of Lambda: the handler's own layers, for many requests at a time."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from fastlambda import exchange
from fastlambda.errors import SettingsError
from fastlambda.exchange import Exchange
from fastlambda.failure import FailureMiddleware
from fastlambda.observe import logging as logs
from fastlambda.observe import metrics
from fastlambda.observe.middleware import ObserveMiddleware
from fastlambda.routes import Routes
from fastlambda.serve.identity import Identity
from fastlambda.serve.tracing import RequestTracer
from fastlambda.settings import current

if TYPE_CHECKING:
    from mangum.types import Message, Receive, Scope, Send

    from fastlambda.handler import FastLambda

_log = logging.getLogger(__name__)

_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_REQUEST_ID = b"x-request-id"


class Application:
    """Answers requests as the handler does on Lambda, and says whether it serves.

    Args:
        handler: The handler, whose lifespan has started.
        health_path: The path of the health endpoint; its requests reach neither the app nor logs, metrics or traces.

    Raises:
        SettingsError: the app has a route of its own at the health endpoint's path.

    """

    def __init__(self, handler: FastLambda, health_path: str) -> None:
        routes = Routes(handler.app)
        _refuse_collision(routes, health_path)
        self._health_path = health_path
        self._tracer = RequestTracer(current())
        guarded = FailureMiddleware(handler.app, logs.failure)
        self._observed = ObserveMiddleware(guarded, routes, handler.state, self._tracer, self._begin)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; an exception of the app's is in the log by then, and its client has a 500."""
        if scope["path"] == self._health_path and scope["method"] in {"GET", "HEAD"}:
            await _answer(send, 200, b"ok\n")
            return
        _take_root_path(scope)
        started = False

        async def listen() -> Message:
            message = await receive()
            request = exchange.current()
            if message["type"] == "http.disconnect" and request is not None and not request.answered:
                request.abandoned = True
            return message

        async def tell(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message = _with_request_id(message)
            await send(message)

        try:
            await self._observed(scope, listen, tell)
        except BaseException:  # it is logged and counted, and SystemExit must not end the requests of others
            if _is_cancelled():
                raise
            if not started:
                await _answer(tell, 500, b"Internal Server Error")
            # An answer that has begun is broken off by the server, which knows that its end is missing.
        finally:
            request = exchange.current()
            if request is not None:
                metrics.flush_request(request)
            metrics.flush_process()

    def _begin(self, scope: Scope, routes: Routes) -> Exchange:
        identity = Identity.of(scope["headers"])
        logs.logger.thread_safe_clear_keys()
        request = Exchange(
            scope,
            routes,
            {
                **logs.logger.get_current_keys(),
                "function_request_id": identity.request_id,
                "correlation_id": identity.correlation_id,
            },
        )
        request.trace_id = self._tracer.begin(identity.trace, scope)
        return exchange.answering(request)


def _refuse_collision(routes: Routes, health_path: str) -> None:
    request = {"type": "http", "method": "GET", "path": health_path, "root_path": "", "headers": []}
    if routes.template(request) == health_path:
        raise SettingsError(
            f"The app has a route at {health_path}",
            why="it is the path of the health endpoint",
            remedy="Choose another path with FASTLAMBDA_SERVE_HEALTH_PATH.",
        )


def _take_root_path(scope: Scope) -> None:
    """Have the path begin with `FASTLAMBDA_ROOT_PATH`, whether the proxy in front has taken it off or not."""
    root_path = current().root_path
    if not root_path:
        return
    scope["root_path"] = root_path
    if not f"{scope['path']}/".startswith(f"{root_path}/"):
        scope["path"] = root_path + scope["path"]
        scope["raw_path"] = root_path.encode() + scope["raw_path"]


def _with_request_id(message: Message) -> Message:
    headers = list(message.get("headers", ()))
    found = logs.logger.get_correlation_id()
    if found and all(name.lower() != _REQUEST_ID for name, _ in headers):
        headers.append((_REQUEST_ID, found.encode("latin-1")))
    return {**message, "headers": headers}


def _is_cancelled() -> bool:
    """Whether the server has cancelled the request, at the end of its grace; what the app cancels is its own affair."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _answer(send: Send, status: int, body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [_TEXT, length]})
    await send({"type": "http.response.body", "body": body})
