"""IdempotentRoute: a request that comes again with its Idempotency-Key gets the answer of the first.

What a client sends and what it is answered is that of the Internet-Draft "The Idempotency-Key HTTP Header Field"
(draft-ietf-httpapi-idempotency-key-header).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, ClassVar

from fastapi import Depends, Header, params
from fastapi.dependencies.utils import get_typed_return_annotation, get_typed_signature
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from fastlambda.errors import EventDeclarationError
from fastlambda.idempotency.request import KeyedRequest, current_request, records

KEY = "Idempotency-Key"
_METHODS = frozenset({"POST", "PATCH"})
_WRAPPED = "__fastlambda_idempotent__"

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


async def authorization(request: Request) -> str | None:
    """Return the Authorization header: who the client is, as far as every app can tell."""
    return request.headers.get("authorization")


class IdempotentRoute(APIRoute):
    """POST and PATCH routes that do a request once: `APIRouter(route_class=IdempotentRoute)`.

    With the header `Idempotency-Key` a request that comes again is answered as it was the first time, with
    `Idempotent-Replayed: true`: 409 while the first is under way, 422 when it is another request. The route's
    dependencies run each time, so whoever may not call the route is not answered from a record either. An exception,
    and an answer of 400 and above, leaves no record. Without the header a request is done as ever.

    Attributes:
        required: Whether a request without the header is refused, with 422.
        caller: The dependency that says whose key it is: a text, a number or a UUID. By default the Authorization
            header; a subclass says `caller = Depends(current_user_id)`.

    Raises:
        EventDeclarationError: The endpoint is a generator, whose answer has no end to be kept.

    """

    required: ClassVar[bool] = False
    caller: ClassVar[Any] = Depends(authorization)

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self._once = not _METHODS.isdisjoint(method.upper() for method in options.get("methods") or ())
        if self._once:
            records()
            endpoint = _once(endpoint)
            options["dependencies"] = self._with_key(options.get("dependencies") or [])
            options["responses"] = {409: {"description": "The same is under way"}, **(options.get("responses") or {})}
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Handler:
        """Return what answers a request, with its record round it."""
        handle = super().get_route_handler()
        if not self._once:
            return handle

        async def once(request: Request) -> Response:
            if KEY not in request.headers:
                return await handle(request)
            keyed = KeyedRequest(request, await request.body())
            token = current_request.set(keyed)
            try:
                response = await handle(request)
            except BaseException as error:
                await keyed.release(error)
                raise
            finally:
                current_request.reset(token)
            return await keyed.keep(response)

        return once

    @classmethod
    def _with_key(cls, dependencies: Any) -> list[params.Depends]:
        dependency = _key_dependency(cls.caller, required=cls.required)
        # Older releases of FastAPI make a route anew for the router that includes its own.
        return [*(one for one in dependencies if one.dependency is not dependency), Depends(dependency)]


@functools.cache
def _key_dependency(caller: params.Depends, *, required: bool) -> Callable[..., Coroutine[Any, Any, None]]:
    key_type = str if required else str | None

    async def idempotency_key(key: Any, caller: Any) -> None:
        if keyed := current_request.get(None):
            keyed.identify(key, caller)

    text = Header(alias=KEY, min_length=1, max_length=255, description="A new one, such as a UUID, for each operation.")
    parameters = {
        "key": (Annotated[key_type, text], inspect.Parameter.empty if required else None),
        "caller": (Annotated[Any, caller], inspect.Parameter.empty),
    }
    idempotency_key.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
            for name, (annotation, default) in parameters.items()
        ]
    )
    return idempotency_key


def _once(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Return an endpoint that asks the request's record first: by then the dependencies have run."""
    if hasattr(endpoint, _WRAPPED):
        return endpoint
    if inspect.isgeneratorfunction(endpoint) or inspect.isasyncgenfunction(endpoint):
        raise EventDeclarationError(
            f"{endpoint.__qualname__} cannot be on an IdempotentRoute", why="it is a generator: its answer is a stream"
        )
    is_coroutine = any(map(inspect.iscoroutinefunction, (endpoint, inspect.unwrap(endpoint))))

    @functools.wraps(endpoint)
    async def once(**values: Any) -> Any:
        keyed = current_request.get(None)
        if keyed is not None and (earlier := await keyed.earlier()) is not None:
            return earlier
        return await (endpoint(**values) if is_coroutine else run_in_threadpool(endpoint, **values))

    # Read where the endpoint's own names are known; older releases of FastAPI would read it here.
    once.__signature__ = get_typed_signature(endpoint).replace(  # type: ignore[attr-defined]
        return_annotation=get_typed_return_annotation(endpoint)
    )
    setattr(once, _WRAPPED, True)
    return once
