"""What a plan is made of: the calls of a consumer's dependencies, in the loop, in a thread, or all in one thread."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fastapi.concurrency import contextmanager_in_threadpool, run_in_threadpool

from fastlambda.events.envelopes import Envelope

if TYPE_CHECKING:
    from fastlambda.events.record import Record

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
        plain: Returns the value itself, or, of a dependency with `yield`, a context manager; None if it needs the loop.

    """

    __slots__ = ("call", "needs", "plain", "yields")

    def __init__(
        self,
        call: Callable[..., Any],
        needs: tuple[tuple[str, int], ...],
        *,
        yields: bool = False,
        plain: Callable[..., Any] | None = None,
    ) -> None:
        self.plain = plain
        self.call = call
        self.needs = needs
        self.yields = yields


def envelope_of(call: Callable[..., Any]) -> Callable[[Record], Envelope] | None:
    """Return what takes an envelope out of a record, if the dependency is `SqsMessage.of` or the like."""
    if getattr(call, "__func__", None) is not Envelope.of.__func__:  # type: ignore[attr-defined]
        return None
    kind: type[Envelope] = call.__self__  # type: ignore[attr-defined]

    def envelope(record: Record) -> Envelope:
        return record.envelope(kind)

    return envelope


def at_once(call: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return a coroutine function that calls this where it runs."""

    async def called(**values: Any) -> Any:
        return call(**values)

    return called


def step_of(call: Callable[..., Any], needs: tuple[tuple[str, int], ...]) -> Step:
    """Return the step that calls a dependency.

    Raises:
        UnplannedError: as of `kind_of`.

    """
    match kind_of(call):
        case "coroutine":
            return Step(call, needs)
        case "asynchronous generator":
            return Step(call, needs, yields=True)
        case "generator":
            return Step(_opened_in_a_thread(call), needs, yields=True, plain=contextmanager(call))
    return Step(in_a_thread(call), needs, plain=call)


def in_a_thread(call: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return a coroutine function that calls this in a thread, as FastAPI does."""

    async def called(**values: Any) -> Any:
        return await run_in_threadpool(functools.partial(call, **values))

    return called


def _opened_in_a_thread(call: Callable[..., Any]) -> Callable[..., AsyncGenerator[Any, None]]:
    opened = contextmanager(call)

    async def called(**values: Any) -> AsyncGenerator[Any, None]:
        async with contextmanager_in_threadpool(opened(**values)) as value:
            yield value

    return called


def kind_of(call: Callable[..., Any]) -> str:
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
