"""One record on its way through its consumer: planned ahead, or as a request to a route that only the consumer has."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Coroutine, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from fastlambda.errors import EventDeclarationError
from fastlambda.events.envelopes import SCOPE_KEY
from fastlambda.events.plan import Plan
from fastlambda.events.signature import Parameters, parameters
from fastlambda.events.steps import UnplannedError

try:
    from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
except ModuleNotFoundError as error:
    raise EventDeclarationError(
        "Consumers of events need FastAPI 0.118 or newer", why=str(error), remedy="Update FastAPI."
    ) from error

if TYPE_CHECKING:
    from mangum.types import LambdaContext, Message, Scope

    from fastlambda.events.declarations import Declaration
    from fastlambda.events.record import Record
    from fastlambda.idempotency.keys import Key, MessageKey
    from fastlambda.idempotency.records import Records

_log = logging.getLogger(__name__)

# What the endpoint gets beside what FastAPI provides; a thread in which FastAPI runs it has a copy of the context.
_arguments: ContextVar[Mapping[str, Any]] = ContextVar("fastlambda_arguments")


class Consumer:
    """A declared function.

    Args:
        declaration: What it consumes.
        function: The function.
        unwrap: Whether messages are taken out of SNS's and EventBridge's envelopes.
        idempotent: What tells one message from another, which is handled once then; None to handle every delivery.

    Raises:
        EventDeclarationError: the function cannot be called with a record, or there is no such key in one.

    """

    def __init__(
        self, declaration: Declaration, function: Callable[..., Any], *, unwrap: bool, idempotent: Key | None = None
    ) -> None:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise EventDeclarationError(
                f"The consumer {declaration.consumer} is a generator", why="nobody takes what it yields"
            )
        self.declaration = declaration
        self.unwrap = unwrap
        self.function = function
        found = parameters(function, declaration.kind)
        self._message, self._envelopes = found.message, found.envelopes
        self._endpoint = _endpoint(function, found.provided)
        self.once = _once(declaration, found, idempotent) if idempotent is not None else None

    def bound(self, app: Any, state: Mapping[str, Any]) -> BoundConsumer:
        """Return the consumer as a part of an app, with the state that the app's lifespan yielded."""
        return BoundConsumer(self, self._endpoint, app, state)

    def arguments(self, record: Record) -> dict[str, Any]:
        """Return the record's message and envelopes by the names of the consumer's parameters.

        Raises:
            InvalidMessageError: the message is not what the consumer takes, or an envelope that it asks for is missing.

        """
        message = self._message
        arguments = {} if message is None else {message.name: message.of(record)}
        if self._envelopes:
            for name, kind in self._envelopes.items():
                arguments[name] = record.envelope(kind)
        return arguments


class BoundConsumer:
    """A consumer and the app whose dependencies it shares."""

    def __init__(self, consumer: Consumer, endpoint: Callable[..., Any], app: Any, state: Mapping[str, Any]) -> None:
        self.declaration = consumer.declaration
        self.key = consumer.declaration.key
        self.unwrap = consumer.unwrap
        self._arguments = consumer.arguments
        self._once = consumer.once
        self._path = "/" + self.key.replace(":", "/")
        route = APIRoute(
            self._path,
            endpoint,
            methods=["POST"],
            response_model=None,
            dependency_overrides_provider=app if hasattr(app, "dependency_overrides") else None,
        )
        # Not a part of the app's router, and without its exception handlers: those answer clients, and here is none.
        self._asgi = AsyncExitStackMiddleware(route.app)
        self._plan = _plan(consumer.function, route)
        self._app = app
        self._state = state

    def handler(self, context: LambdaContext) -> Callable[[Record], Coroutine[Any, Any, None]]:
        """Return what handles the records of one event, each unless it was handled before and is to be handled once.

        Raises, when it is called or awaited:
            InvalidMessageError: the message is not what the consumer takes; nothing of it has run.
            IdempotencyError: it is being handled elsewhere, or nobody knows; nothing of it has run.
            RequestValidationError: a dependency's own parameters are not what it takes; it has their values.
            Exception: whatever escapes from the consumer, from its dependencies or from its background tasks.

        """
        if self._once is not None:
            return functools.partial(self._handle_once, context)
        return self._handler(self._arguments)

    def thread_handler(self) -> Callable[[Record], None] | None:
        """Return what handles a record in one thread; None where anything of that needs the loop."""
        if self._once is not None or self._plan is None or getattr(self._app, "dependency_overrides", None):
            return None
        return self._plan.thread_handler(self._arguments, self._request)

    async def _handle_once(self, context: LambdaContext, record: Record) -> None:
        assert self._once is not None  # noqa: S101 - the one caller has looked
        key, records = self._once
        arguments = self._arguments(record)
        handle = functools.partial(self._handler(lambda _: arguments), record)
        if not await records.once(key.data(record, arguments), context, handle):
            _log.info("Skipped a record that was handled before")

    def _handler(self, arguments: Callable[[Record], dict[str, Any]]) -> Callable[[Record], Coroutine[Any, Any, None]]:
        if self._plan is not None and not getattr(self._app, "dependency_overrides", None):
            return self._plan.handler(arguments, self._request)
        return lambda record: self._ask_fastapi(record, arguments(record))

    async def _ask_fastapi(self, record: Record, arguments: dict[str, Any]) -> None:
        _arguments.set(arguments)
        await self._asgi(self._scope(record), functools.partial(_receive, record), _ignore)

    def _request(self, record: Record) -> Request:
        return Request(self._scope(record), functools.partial(_receive, record), _ignore)

    def _scope(self, record: Record) -> Scope:
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "https",
            "path": self._path,
            "raw_path": self._path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
            "path_params": {},
            "client": None,
            "server": None,
            "app": self._app,
            "state": dict(self._state),
            SCOPE_KEY: record,
        }


def _once(declaration: Declaration, wanted: Parameters, key: Key) -> tuple[MessageKey, Records]:
    from fastlambda.idempotency.keys import MessageKey  # noqa: PLC0415 - who handles every delivery does not load it
    from fastlambda.idempotency.records import Records  # noqa: PLC0415

    message = wanted.message
    available = [*([message.name] if message else []), *wanted.envelopes]
    has_json = declaration.kind != "schedule" and not (message and message.is_text)
    found = MessageKey(key, declaration.consumer, available, has_json=has_json)
    return found, Records(declaration.key, key=found.path)


def _plan(function: Callable[..., Any], route: APIRoute) -> Plan | None:
    try:
        return Plan(function, route.dependant)
    except UnplannedError:
        return None


def _endpoint(function: Callable[..., Any], signature: inspect.Signature) -> Callable[..., Any]:
    """Return the function without the parameters that FastAPI cannot provide: it adds those, and returns nothing."""

    async def in_the_loop(**provided: Any) -> Response:
        await function(**_arguments.get(), **provided)
        return Response()

    def in_a_thread(**provided: Any) -> Response:
        function(**_arguments.get(), **provided)
        return Response()

    is_coroutine = any(map(inspect.iscoroutinefunction, (function, inspect.unwrap(function))))
    endpoint: Callable[..., Any] = in_the_loop if is_coroutine else in_a_thread
    functools.update_wrapper(endpoint, function)
    del endpoint.__wrapped__  # type: ignore[attr-defined]  # FastAPI would look through to the function
    endpoint.__signature__ = signature  # type: ignore[attr-defined]
    return endpoint


async def _receive(record: Record) -> Message:
    # For a dependency that reads the request's body itself.
    return {"type": "http.request", "body": record.text().encode(), "more_body": False}


async def _ignore(_: Message) -> None:
    """Take the answer, which nobody waits for."""
