"""What the emulator answered, for as long as nothing can have changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastlambda_cli.local.aws.deployed.signing import signed_for
from fastlambda_cli.local.serve import AsgiApp, Message, Receive, Scope, Send

T = TypeVar("T")

FRESH_S = 1.0
"""Seconds that an answer is good for: a stack that changes in the background changes things without a request."""

_WATCHED = frozenset({b"lambda", b"apigateway", b"cloudformation", b"cloudcontrolapi"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Memory:
    """Answers of the emulator by what was asked; a question is asked once, however many wait for it.

    Args:
        fresh_s: Seconds that an answer is good for.

    """

    def __init__(self, fresh_s: float = FRESH_S) -> None:
        self._fresh_s = fresh_s
        self._answers: dict[object, tuple[float, asyncio.Future[Any]]] = {}

    def forget(self) -> None:
        """Forget every answer: something may have changed."""
        self._answers = {}

    async def recall(self, question: object, ask: Callable[[], Awaitable[T]]) -> T:
        """Return the answer to a question; ask for it when it is not remembered."""
        now = asyncio.get_running_loop().time()
        asked_at, answer = self._answers.get(question, (0.0, None))
        if answer is None or now - asked_at > self._fresh_s or _failed(answer):
            answer = asyncio.ensure_future(ask())
            self._answers[question] = (now, answer)
        answered: T = await asyncio.shield(answer)
        return answered

    def recent(self, question: object) -> Any:
        """Return the answer to a question that is remembered; None when none is."""
        asked_at, answer = self._answers.get(question, (0.0, None))
        if answer is None or not answer.done() or _failed(answer):
            return None
        return answer.result() if asyncio.get_running_loop().time() - asked_at <= self._fresh_s else None


def _failed(answer: asyncio.Future[Any]) -> bool:
    return answer.done() and (answer.cancelled() or answer.exception() is not None)


def forgetful(app: AsgiApp, memory: Memory) -> AsgiApp:
    """Have a memory forget whenever a request to the app may change a function, an HTTP API or a stack."""

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def forgetting(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Before the client knows: whatever it does next meets the change.
                memory.forget()
            await send(message)

        if not _may_change(scope):
            await app(scope, receive, send)
            return
        try:
            await app(scope, receive, forgetting)
        finally:
            memory.forget()  # a client that hung up may have changed things too

    return watched


def _may_change(scope: Scope) -> bool:
    if scope["method"] in _READING:
        return False
    service = signed_for(scope)
    return service is None or service in _WATCHED
