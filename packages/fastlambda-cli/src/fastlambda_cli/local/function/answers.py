"""What the APIs inside an execution environment answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """An HTTP answer; `headers` include the content type."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Later:
    """An answer that is not there yet; when it is given it is sent at once, before anything else is done.

    Attributes:
        done: Whether it was given, or is not wanted any more.

    """

    __slots__ = ("_answer", "_take", "done")

    def __init__(self) -> None:
        self.done = False
        self._answer: Answer | None = None
        self._take: Callable[[Answer], None] | None = None

    def give(self, answer: Answer) -> None:
        """Answer."""
        self.done = True
        self._answer = answer
        if self._take is not None:
            self._take(answer)

    def then(self, take: Callable[[Answer], None]) -> None:
        """Have `take` called with the answer, now if it is there."""
        self._take = take
        if self._answer is not None:
            take(self._answer)

    def cancel(self) -> None:
        """Want no answer any more."""
        self.done = True


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault of ours
    """A call that is wrong, or that the environment's state forbids; it gets `status` and this error body."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type

    @property
    def answer(self) -> Answer:
        """The error as AWS's runtime interface emulator writes it."""
        return json_answer(self.status, {"errorMessage": str(self), "errorType": self.error_type})


def json_answer(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
    """Make an answer of an object."""
    every = (("content-type", "application/json"), *(headers or {}).items())
    return Answer(status, every, json.dumps(body, separators=(",", ":")).encode() + b"\n")
