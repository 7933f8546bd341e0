"""A consumer and its dependencies, called in an order that is found out once.

FastAPI reads a route's dependencies anew for each request, to make what differs between requests: parameters, bodies,
overrides, security scopes. For a record most consumers want none of that, only that functions are called in turn. Those
are planned here: what FastAPI would call, in its order, each once, in the loop or in a thread as it would. Whatever is
not certain to be the same is left to FastAPI.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from fastapi.concurrency import contextmanager_in_threadpool, run_in_threadpool
from fastapi.exceptions import FastAPIError

from fastlambda.events.envelopes import Envelope

if TYPE_CHECKING:
    from fastapi.dependencies.models import Dependant
    from starlette.requests import Request

    from fastlambda.events.record import Record

# Every plan's first values; those of the dependencies follow, and what the consumer returned is the last.
_RECORD, _REQUEST, _ALWAYS = range(3)
# What is understood here of what FastAPI knows about a dependency; `cache_key` is what FastAPI had before 0.123.
_UNDERSTOOD = frozenset(
    {
        "cache_key",
        "call",
        "dependencies",
        "http_connection_param_name",
        "name",
        "path",
        "request_param_name",
        "use_cache",
    }
)


# Of what says that it is a coroutine function and is none (asyncio, and `inspect.markcoroutinefunction`).
_MARKS = ("_is_coroutine", "_is_coroutine_mark")


class UnplannedError(Exception):
    """A dependency that is left to FastAPI."""


class Step:
    """A call of the plan.

    Attributes:
        call: Returns an awaitable, or, of a dependency with `yield`, an asynchronous generator.
        needs: The call's arguments: a name, and which of the values that there are by then.
        yields: Whether the dependency is one with `yield`.

    """

    __slots__ = ("call", "needs", "yields")

    def __init__(
        self,
        call: Callable[..., Any],
        needs: tuple[tuple[str, int], ...],
        *,
        yields: bool = False,
    ) -> None:
        self.call = call
        self.needs = needs
        self.yields = yields


class Plan:
    """What is called for a record.

    Args:
        function: The consumer.
        dependant: What FastAPI found out about its dependencies.

    Raises:
        UnplannedError: there is one that only FastAPI can solve.

    """

    def __init__(self, function: Callable[..., Any], dependant: Dependant) -> None:
        self._steps: list[Step] = []
        self._places: dict[Callable[..., Any], int] = {}
        self._wants_request = False
        # FastAPI closes what has the scope "function" first; the consumer itself, which it calls last, has that scope.
        self._needs = self._planned(dependant, _UNDERSTOOD | {"scope"})
        self._function = function if _kind(function) == "coroutine" else _in_a_thread(function)
        self._calls = [(step.call, step.needs) for step in self._steps]
        self._solve = self._within if any(step.yields for step in self._steps) else self._in_turn

    def handler(
        self, arguments: Callable[[Record], dict[str, Any]], request: Callable[[Record], Request]
    ) -> Callable[[Record], Coroutine[Any, Any, None]]:
        """Return what solves the dependencies for a record and calls the consumer.

        Args:
            arguments: Returns the consumer's arguments that are no dependencies.
            request: Returns the record as a request.

        """
        function, solve, wants_request = self._function, self._solve, self._wants_request
        if not self._steps and not self._needs:
            return lambda record: function(**arguments(record))
        if not wants_request:
            return lambda record: solve([record, None], arguments(record))
        return lambda record: solve([record, request(record)], arguments(record))

    async def _in_turn(self, values: list[Any], arguments: dict[str, Any]) -> None:
        """Call everything of a plan in which nothing has to be closed."""
        for call, needs in self._calls:
            values.append(await (call(**{name: values[index] for name, index in needs}) if needs else call()))
        for name, index in self._needs:
            arguments[name] = values[index]
        await self._function(**arguments)

    async def _within(self, values: list[Any], arguments: dict[str, Any]) -> None:
        """Call everything, and close what has been opened, the last first.

        This is what an AsyncExitStack of `asynccontextmanager`s comes to when all goes well, and costs less.
        """
        opened: list[AsyncGenerator[Any, None]] = []
        called = False
        try:
            for step in self._steps:
                needs, call = step.needs, step.call
                value = call(**{name: values[index] for name, index in needs}) if needs else call()
                if step.yields:
                    try:
                        values.append(await anext(value))
                    except StopAsyncIteration:
                        raise RuntimeError("generator didn't yield") from None
                    opened.append(value)
                else:
                    values.append(await value)
            for name, index in self._needs:
                arguments[name] = values[index]
            await self._function(**arguments)
            called = True
            while opened:
                generator = opened.pop()
                try:
                    await anext(generator)
                except StopAsyncIteration:
                    continue
                await _refuse_to_go_on(generator)
        except BaseException as error:
            if not await _unwind(opened, error):
                raise
        if not called:
            # As FastAPI does: without this the message would count as handled, and be deleted.
            raise FastAPIError(
                "A dependency with yield has caught the exception that was raised within it, and did not raise it again"
            )

    def _planned(self, dependant: Dependant, understood: frozenset[str] = _UNDERSTOOD) -> tuple[tuple[str, int], ...]:
        """Plan the dependencies of one, and return its own arguments."""
        fields = {field.name for field in dataclasses.fields(dependant)}
        if not dependant.use_cache or any(getattr(dependant, name) for name in fields - understood):
            raise UnplannedError
        needs = []
        for dependency in dependant.dependencies:
            place = self._place(dependency)
            if dependency.name is not None:
                needs.append((dependency.name, place))
        for name in (dependant.http_connection_param_name, dependant.request_param_name):
            if name is not None:
                self._wants_request = True
                needs.append((name, _REQUEST))
        return tuple(needs)

    def _place(self, dependency: Dependant) -> int:
        """Return where a dependency's value is; FastAPI calls the same one once for a request."""
        call = dependency.call
        if call is None:
            raise UnplannedError
        envelope = _envelope_of(call)
        step = Step(envelope, (("record", _RECORD),)) if envelope else _step(call, self._planned(dependency))
        if call not in self._places:
            self._steps.append(step)
            self._places[call] = _ALWAYS - 1 + len(self._steps)
        return self._places[call]


async def _unwind(opened: Iterable[AsyncGenerator[Any, None]], error: BaseException) -> bool:
    """Raise an exception in dependencies with `yield`, the last first, and tell whether they have suppressed it.

    What becomes of it on its way is the stack's own to say, and may cost what it costs.
    """
    stack = AsyncExitStack()
    for generator in opened:
        stack.push_async_exit(asynccontextmanager(functools.partial(_itself, generator))())
    return bool(await stack.__aexit__(type(error), error, error.__traceback__))


def _itself(generator: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
    return generator


async def _refuse_to_go_on(generator: AsyncGenerator[Any, None]) -> NoReturn:
    try:
        raise RuntimeError("generator didn't stop")
    finally:
        await generator.aclose()


def _envelope_of(call: Callable[..., Any]) -> Callable[[Record], Awaitable[Envelope]] | None:
    """Return what takes an envelope out of a record, if the dependency is `SqsMessage.of` or the like."""
    if getattr(call, "__func__", None) is not Envelope.of.__func__:  # type: ignore[attr-defined]
        return None
    kind: type[Envelope] = call.__self__  # type: ignore[attr-defined]

    async def envelope(record: Record) -> Envelope:
        return record.envelope(kind)

    return envelope


def _step(call: Callable[..., Any], needs: tuple[tuple[str, int], ...]) -> Step:
    match _kind(call):
        case "coroutine":
            return Step(call, needs)
        case "asynchronous generator":
            return Step(call, needs, yields=True)
        case "generator":
            return Step(_opened_in_a_thread(call), needs, yields=True)
    return Step(_in_a_thread(call), needs)


def _in_a_thread(call: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    async def called(**values: Any) -> Any:
        return await run_in_threadpool(functools.partial(call, **values))

    return called


def _opened_in_a_thread(call: Callable[..., Any]) -> Callable[..., AsyncGenerator[Any, None]]:
    opened = contextmanager(call)

    async def called(**values: Any) -> AsyncGenerator[Any, None]:
        async with contextmanager_in_threadpool(opened(**values)) as value:
            yield value

    return called


def _kind(call: Callable[..., Any]) -> str:
    """Return what a function is, as certain as FastAPI.

    Raises:
        UnplannedError: it is something else than a function, a method or a class, or pretends to be what it is not.

    """
    inner = inspect.unwrap(call)
    kind = _kind_of_itself(call)
    if kind != _kind_of_itself(inner) or any(hasattr(call, mark) for mark in _MARKS):
        raise UnplannedError
    return kind


def _kind_of_itself(call: Callable[..., Any]) -> str:
    if not (inspect.isfunction(call) or inspect.ismethod(call) or inspect.isclass(call)):
        raise UnplannedError
    if inspect.isasyncgenfunction(call):
        return "asynchronous generator"
    if inspect.isgeneratorfunction(call):
        return "generator"
    return "coroutine" if inspect.iscoroutinefunction(call) else "function"
