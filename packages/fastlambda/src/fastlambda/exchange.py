"""The HTTP request that this environment is answering, or the records that it is handling.

What logs, metrics and traces say about a request, they read here. There is one at a time, as on Lambda, and it is a
plain module attribute and no context variable, because a line that a bare thread writes belongs to the request as
well. Of the records of an event several are handled at a time: each has a context variable for itself. So has each
request of a process that answers many at a time, which is what `fastlambda.serve` runs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider
    from mangum.types import Scope

    from fastlambda.events.record import Record
    from fastlambda.routes import Routes

_TRACE = "xray_trace_id"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"})
_SERVER_ERROR = 500
_CLIENT_GONE = 499
"""What proxies write for a client that has not waited; nobody ever receives it."""


class Exchange:
    """A request and what became of it.

    Attributes:
        method: The request's method; OTHER for one that HTTP does not define.
        path: The path as the client sees it, stage and base path included, without the query string.
        status: The status that the client gets; None until the app has sent one.
        answered: True once the app has sent its answer to the end.
        error: The exception that escaped from the app.
        duration_ms: Milliseconds that the app took, background tasks included; 0 until it has ended.
        task: The task in which the app runs.
        abandoned: True when the client went away before its answer was complete.
        trace_id: The X-Ray trace that the request's lines name; None where Lambda's own variable says it.
        log_format: The keys of the logger's lines, for this request alone; None when the process is.
        emf: The metrics of this request alone, once it has any; None when the process is.

    """

    __slots__ = (
        "_route",
        "_routed",
        "_routes",
        "_scope",
        "_started",
        "abandoned",
        "answered",
        "duration_ms",
        "emf",
        "error",
        "log_format",
        "method",
        "path",
        "status",
        "task",
        "trace_id",
    )

    def __init__(self, scope: Scope, routes: Routes, log_format: dict[str, Any] | None = None) -> None:
        self._scope = scope
        self._routes = routes
        self._route: str | None = None
        self._routed = False
        self._started = time.perf_counter()
        self.method: str = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self.path: str = scope["path"]
        self.status: int | None = None
        self.answered = False
        self.error: BaseException | None = None
        self.duration_ms = 0.0
        self.task: asyncio.Task[Any] | None = asyncio.current_task()
        self.abandoned = False
        self.trace_id: str | None = None
        self.log_format = log_format
        self.emf: AmazonCloudWatchEMFProvider | None = None

    @property
    def route(self) -> str:
        """The template of the route that takes the request, router prefixes included, or `unmatched`."""
        # Before routing it is foreseen, and a middleware may yet change what is routed: then it is looked up again.
        if self._route is None or (not self._routed and "endpoint" in self._scope):
            self._routed = "endpoint" in self._scope
            self._route = self._routes.template(self._scope)
        return self._route

    def fail(self, error: BaseException) -> None:
        """Note what escaped from the app; an answer that it had not finished becomes a 500."""
        self.error = error
        if not self.answered:
            self.status = _SERVER_ERROR

    def finish(self) -> None:
        """Note that the app has ended."""
        if self.abandoned and self.status is None:
            self.status = _CLIENT_GONE
        self.duration_ms = round((time.perf_counter() - self._started) * 1000, 3)


_current: Exchange | None = None
_own: ContextVar[Exchange | None] = ContextVar("fastlambda_request", default=None)
_consumed: Mapping[str, str] = {}
_handled: ContextVar[Record | None] = ContextVar("fastlambda_record", default=None)


def current() -> Exchange | None:
    """Return the request being answered; None between events and during INIT."""
    return _own.get() or _current


def begin(scope: Scope, routes: Routes) -> Exchange:
    """Make this request the current one."""
    global _current  # noqa: PLW0603
    _current = Exchange(scope, routes)
    return _current


def answering(request: Exchange) -> Exchange:
    """Make this request that of the current task, and of the tasks and threads that are given its context."""
    _own.set(request)
    return request


def end() -> Exchange | None:
    """Leave the current request and return it."""
    global _current
    request, _current = _current, None
    return request


@contextmanager
def consuming(key: str) -> Iterator[None]:
    """Make the consumer with this key the route of all lines that belong to none of the event's records."""
    global _consumed  # noqa: PLW0603
    _consumed = {"route": key}
    try:
        yield
    finally:
        _consumed = {}


handling = _handled.set
"""Make a record what is handled in the current context: `handling(record)`."""


def keys() -> Mapping[str, str]:
    """Return what every line says about the request or the record that it belongs to."""
    handled = _handled.get()
    if handled is not None:
        return handled.log_keys()
    request = current()
    if request is None:
        return _consumed
    return {"route": request.route} if request.trace_id is None else {"route": request.route, _TRACE: request.trace_id}
