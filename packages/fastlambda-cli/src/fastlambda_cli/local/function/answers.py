"""What the APIs inside an execution environment answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `headers` include the content type."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


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
