"""Which route takes a request: its template, for logs, metrics and traces."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mangum.types import ASGI, Scope

UNMATCHED = "unmatched"
"""The template of every request that no route takes, so that a scanner cannot mint routes."""


class Routes:
    """The routes of a Starlette or FastAPI app; any other app has none.

    Args:
        app: The ASGI app. Other apps that wrap it are looked through by their attribute `app`, as Starlette's own
            middleware calls it; behind one that has none, the app is known from its first request on.

    """

    def __init__(self, app: ASGI) -> None:
        self._app: Any = innermost(app)
        self._candidates: list[Any] = []
        self._including: dict[int, list[Any]] = {}

    def template(self, scope: Scope) -> str:
        """Return the template of the route that took the request, router prefixes included, or else will take it.

        Everything below a mount has the outermost mount's template.
        """
        if not hasattr(self._app, "routes"):
            self._app = scope.get("router")  # the outermost one: mounted apps keep it
        taken = scope.get("route")
        if not self._candidates or (taken is not None and id(taken) not in self._including):
            self._read()
        if taken is None or "app_root_path" in scope:
            return self._match(scope, self._candidates)
        # FastAPI's route knows its path without the prefixes of the routers that include it, perhaps several.
        including = self._including.get(id(taken), [taken])
        return _template(including[0]) if len(including) == 1 else self._match(scope, including)

    def _read(self) -> None:
        # Starlette, and FastAPI before 0.137.2, have nothing to resolve: their routes know their whole path.
        resolve = getattr(sys.modules.get("fastapi.routing"), "iter_route_contexts", iter)
        self._candidates = list(resolve(getattr(self._app, "routes", ())))
        self._including = {}
        for candidate in self._candidates:
            route = getattr(candidate, "original_route", candidate)
            self._including.setdefault(id(route), []).append(candidate)

    def _match(self, scope: Scope, candidates: list[Any]) -> str:
        """Ask each route in turn, as the router does: the first that takes path and method, else only the path."""
        request = {name: scope[name] for name in ("type", "method", "path", "headers")}
        request["root_path"] = scope.get("app_root_path", scope["root_path"])
        partial = UNMATCHED
        for candidate in candidates:
            match, _ = candidate.matches(request)
            if match.name == "FULL":
                return _template(candidate)
            if match.name == "PARTIAL" and partial == UNMATCHED:
                partial = _template(candidate)
        return partial


def innermost(app: ASGI) -> Any:
    """Return the app that has routes behind those that wrap it and have none."""
    inner: Any = app
    while not hasattr(inner, "routes") and hasattr(inner, "app"):
        inner = inner.app
    return inner


def _template(route: Any) -> str:
    return str(getattr(route, "path_format", None) or UNMATCHED)
