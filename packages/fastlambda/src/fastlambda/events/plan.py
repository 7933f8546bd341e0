"""A consumer and its dependencies, called in an order that is found out once.

FastAPI reads a route's dependencies anew for each request, to make what differs between requests: parameters, bodies,
overrides, security scopes. For a record most consumers want none of that, only that functions are called in turn. Those
are planned here: what FastAPI would call, in its order, each once, in the loop or in a thread as it would. Whatever is
not certain to be the same is left to FastAPI.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack, asynccontextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, NoReturn

from fastapi.exceptions import FastAPIError

from fastlambda.events.steps import Step, UnplannedError, at_once, envelope_of, in_a_thread, kind_of, step_of

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
        self._plain = None if (is_coroutine := kind_of(function) == "coroutine") else function
        self._function = function if is_coroutine else in_a_thread(function)
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

    def thread_handler(
        self, arguments: Callable[[Record], dict[str, Any]], request: Callable[[Record], Request]
    ) -> Callable[[Record], None] | None:
        """Return what does the same in the thread that calls it; None if anything needs the loop."""
        if self._plain is None or any(step.plain is None for step in self._steps):
            return None
        if not self._steps and not self._needs:
            function = self._plain
            return lambda record: function(**arguments(record))
        return lambda record: self._in_this_thread(
            [record, request(record) if self._wants_request else None], arguments(record)
        )

    def _in_this_thread(self, values: list[Any], arguments: dict[str, Any]) -> None:
        """Call everything, each in a copy of the context: as FastAPI has it, which calls each in a thread."""
        assert self._plain is not None  # noqa: S101 - the one caller has looked
        called = False
        with ExitStack() as stack:
            for step in self._steps:
                assert step.plain is not None  # noqa: S101
                value = copy_context().run(step.plain, **{name: values[index] for name, index in step.needs})
                if step.yields:
                    manager, value = value, copy_context().run(value.__enter__)
                    stack.push(functools.partial(_exit_apart, manager))
                values.append(value)
            for name, index in self._needs:
                arguments[name] = values[index]
            copy_context().run(self._plain, **arguments)
            called = True
        if not called:
            raise _caught()

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
            raise _caught()

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
        if envelope := envelope_of(call):
            step = Step(at_once(envelope), (("record", _RECORD),), plain=envelope)
        else:
            step = step_of(call, self._planned(dependency))
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


def _caught() -> FastAPIError:
    # As FastAPI does: without this the message would count as handled, and be deleted.
    return FastAPIError(
        "A dependency with yield has caught the exception that was raised within it, and did not raise it again"
    )


def _exit_apart(manager: AbstractContextManager[Any], *error: Any) -> bool | None:
    return copy_context().run(manager.__exit__, *error)
