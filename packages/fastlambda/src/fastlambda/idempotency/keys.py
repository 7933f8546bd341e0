"""What tells one message from another: a field of its JSON, or whatever a function makes of it."""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import jmespath  # type: ignore[import-untyped]
from jmespath.exceptions import JMESPathError  # type: ignore[import-untyped]

from fastlambda.errors import EventDeclarationError, InvalidMessageError

if TYPE_CHECKING:
    from fastlambda.events.record import Record

Key: TypeAlias = str | Callable[..., Any]
"""As a consumer declares it: a JMESPath expression on the message's JSON, or a function of the consumer's own
parameters for message and envelopes, by their names."""


class MessageKey:
    """The key of a consumer's messages.

    Args:
        key: As declared.
        consumer: Where the consumer is, for the error.
        available: The names of the consumer's parameters for message and envelopes.
        has_json: Whether the source's messages have JSON.

    Attributes:
        path: Where the key is in what `data` returns.

    Raises:
        EventDeclarationError: The expression is none, or the function has parameters that the consumer has not.

    """

    def __init__(self, key: Key, consumer: str, available: Collection[str], *, has_json: bool) -> None:
        self._function = key if callable(key) else None
        if callable(key):
            self._names = _names(key, consumer, available)
            self.path = "key"
            return
        if not has_json:
            raise _refused(
                consumer, f"there is no JSON in which {key!r} could be", "Give it a function of the message."
            )
        try:
            jmespath.compile(key)
        except JMESPathError as error:
            raise _refused(
                consumer, f"{key!r} is no JMESPath expression ({_first_line(error)})", "Name a field of the message."
            ) from None
        self.path = key

    def data(self, record: Record, arguments: Mapping[str, Any]) -> Any:
        """Return JSON in which the key is.

        Args:
            record: The message.
            arguments: What the consumer gets of it.

        Raises:
            InvalidMessageError: The message is no JSON.

        """
        if self._function is not None:
            key = self._function(**{name: arguments[name] for name in self._names})
            return {"key": copy.deepcopy(key)}  # the consumer may change what the key was made of
        try:
            return json.loads(record.text())
        except ValueError:
            problem = InvalidMessageError("The message has no idempotency key", why="it is no JSON")
        raise problem


def _names(key: Callable[..., Any], consumer: str, available: Collection[str]) -> tuple[str, ...]:
    names = tuple(inspect.signature(key).parameters)
    for name in names:
        if name not in available:
            raise _refused(
                consumer,
                f"its function takes {name!r}",
                f"Take any of the consumer's own: {', '.join(available) or 'it has none for message or envelopes'}.",
            )
    return names


def _refused(consumer: str, why: str, remedy: str) -> EventDeclarationError:
    return EventDeclarationError(f"The consumer {consumer} has no such idempotency key", why=why, remedy=remedy)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
