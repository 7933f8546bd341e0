"""Requests that need no task and no ASGI: taken with their whole body, and answered whole.

An ASGI app gets every request in a task of its own, by way of messages; for a request that is asked for thousands of
times and only waits for somebody else, that is most of what it costs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

Pairs: TypeAlias = Sequence[tuple[bytes, bytes]]
Answer: TypeAlias = Callable[[int, Pairs, bytes], None]
"""Takes the status, the headers but for the length, and the body; it is called once."""

_MOST_BYTES = 256 * 1024
"""Of a body that is waited for here; a longer one goes to the app while it comes."""


class Shortcut(Protocol):
    """Answers some requests before the app is asked."""

    def wants(self, method: bytes, target: bytes) -> bool:
        """Whether requests to a target, which is as it was written, are to be offered."""

    def begin(self, target: bytes, headers: Mapping[bytes, bytes], body: bytes, answer: Answer) -> bool:
        """Take a request; without having done anything, and without a word, leave it to the app.

        Args:
            target: As it was written.
            headers: By their names in lower case, of which none came twice.
            body: All of it.
            answer: Is called with the answer, later, if the request is taken.

        Returns:
            Whether it is taken.

        """

    def write_up(self) -> None:
        """Be done with what answers left to be done: a request goes to the app, which may look at it."""


class Whole:
    """A request on its way past the app.

    uvicorn asks it what it asks the cycle of a request, so it has the same attributes: whether the client has gone,
    whether the connection stays, and how far the answer is.

    Args:
        headers: By their names in lower case.

    """

    disconnected = False
    keep_alive = True
    more_body = False
    response_started = False
    response_complete = False

    def __init__(self, headers: Mapping[bytes, bytes]) -> None:
        self.headers = headers
        self.body = bytearray()

    @property
    def message_event(self) -> Whole:
        """Is set when the connection is lost."""
        return self

    def set(self) -> None:
        """Take note that the connection is lost: nobody waits here."""

    def take(self, piece: bytes) -> bool:
        """Keep a piece of the body; whether it is still small enough."""
        self.body += piece
        return len(self.body) <= _MOST_BYTES
