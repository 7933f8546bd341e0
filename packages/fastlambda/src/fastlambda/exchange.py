"""The HTTP request that this environment is answering: one at a time, as on Lambda.

What logs, metrics and traces say about a request, they read here. It is a plain module attribute and no context
variable, because a line that a bare thread writes belongs to the request as well.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mangum.types import Scope

UNMATCHED = "unmatched"
"""The route of every request that no route of the app took, so that a scanner cannot mint routes."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"})


class Exchange:
    """A request and what became of it.

    Attributes:
        method: The request's method; OTHER for one that HTTP does not define.
        path: The path as the client sees it, stage and base path included, without the query string.
        status: The status that the app sent; None until then.
        error: The exception that escaped from the app.
        duration_ms: Milliseconds that the app took, background tasks included; 0 until it has ended.

    """

    __slots__ = ("_root_path", "_route", "_scope", "_started", "duration_ms", "error", "method", "path", "status")

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._root_path: str = scope["root_path"]
        self._route: str | None = None
        self._started = time.perf_counter()
        self.method: str = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self.path: str = scope["path"]
        self.status: int | None = None
        self.error: BaseException | None = None
        self.duration_ms = 0.0

    @property
    def route(self) -> str | None:
        """The template of the route that took the request, router prefixes included; None until routing is done."""
        if self._route is None:
            self._route = _route(self._scope, self._root_path, self.path)
        return self._route

    def finish(self) -> None:
        """Note that the app has ended."""
        self.duration_ms = round((time.perf_counter() - self._started) * 1000, 3)


_current: Exchange | None = None


def current() -> Exchange | None:
    """Return the request being answered; None between events and during INIT."""
    return _current


def begin(scope: Scope) -> Exchange:
    """Make this request the current one."""
    global _current  # noqa: PLW0603
    _current = Exchange(scope)
    return _current


def end() -> Exchange | None:
    """Leave the current request and return it."""
    global _current
    request, _current = _current, None
    return request


def _route(scope: Scope, root_path: str, path: str) -> str | None:
    if scope["root_path"] != root_path and "app_root_path" in scope:
        return _mount(scope, path.removeprefix(root_path))
    # A FastAPI route that came with `include_router` knows its path without the prefixes; its context knows them.
    included = scope.get("fastapi", {}).get("effective_route_context")
    for candidate in (included, scope.get("route")):
        template = getattr(candidate, "path_format", None) or getattr(candidate, "path", None)
        if template:
            return str(template)
    return _by_endpoint(scope)


def _mount(scope: Scope, path: str) -> str:
    """Return the outermost mount's template: everything below a mount shares it."""
    for route in _routes(scope):
        regex = getattr(route, "path_regex", None)
        if hasattr(route, "routes") and regex is not None and regex.match(path):
            return str(route.path_format)
    return UNMATCHED


def _by_endpoint(scope: Scope) -> str | None:
    """Find the template of a plain Starlette route inside FastAPI, which names no more than its endpoint."""
    endpoint = scope.get("endpoint")
    if endpoint is None:
        return None
    for route in _routes(scope):
        if getattr(route, "endpoint", None) is endpoint:
            return str(route.path_format)
    return UNMATCHED


def _routes(scope: Scope) -> list[Any]:
    return getattr(scope.get("router"), "routes", [])
