"""The HTTP request that this environment is answering: one at a time, as on Lambda.

What logs, metrics and traces say about a request, they read here. It is a plain module attribute and no context
variable, because a line that a bare thread writes belongs to the request as well.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mangum.types import Scope

    from fastlambda.routes import Routes

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"})
_SERVER_ERROR = 500


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

    """

    __slots__ = (
        "_route",
        "_routed",
        "_routes",
        "_scope",
        "_started",
        "answered",
        "duration_ms",
        "error",
        "method",
        "path",
        "status",
        "task",
    )

    def __init__(self, scope: Scope, routes: Routes) -> None:
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
        self.duration_ms = round((time.perf_counter() - self._started) * 1000, 3)


_current: Exchange | None = None


def current() -> Exchange | None:
    """Return the request being answered; None between events and during INIT."""
    return _current


def begin(scope: Scope, routes: Routes) -> Exchange:
    """Make this request the current one."""
    global _current  # noqa: PLW0603
    _current = Exchange(scope, routes)
    return _current


def end() -> Exchange | None:
    """Leave the current request and return it."""
    global _current
    request, _current = _current, None
    return request
