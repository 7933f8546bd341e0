"""Messages in as few requests as their service takes, and what became of each."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Iterator, Sequence

from fastlambda.errors import FailedMessage, FastLambdaError, PublishError
from fastlambda.events.publish_requests import Answer, Entry, Requests

_AT_ONCE = 10
"""Messages of a request, of SQS, SNS and EventBridge alike."""
_SIDE_BY_SIDE = 4
"""Requests; a thread waits for each."""
_ATTEMPTS = 3
_BACKOFF_S = 0.1
_NAMED = 10

_Batch = tuple[int, Sequence[Entry]]
"""The index of the first message, and the messages."""


class Batches:
    """Sends messages to one destination.

    Args:
        requests: Makes the requests.
        in_order: Whether each request waits for the one before it, and none follows a failure.

    """

    def __init__(self, requests: Requests, *, in_order: bool = False) -> None:
        self._requests = requests
        self._in_order = in_order
        self._answers: dict[int, Answer] = {}
        self._refusal: Exception | None = None

    async def send(self, entries: Sequence[Entry]) -> list[str]:
        """Send all; return the ids that the service gave them.

        What the service has not taken for a reason of its own is sent again, twice at most, except in order. After a
        request that failed as a whole, which the SDK has tried again by then, no other one begins.

        Raises:
            PublishError: Some were not taken.

        """
        pending = deque(_packed(entries, self._requests.limit))
        workers = 1 if self._in_order else min(_SIDE_BY_SIDE, len(pending))
        await asyncio.gather(*(self._work(pending) for _ in range(workers)))
        answers = [self._answers.get(index, _NOT_TRIED) for index in range(len(entries))]
        ids = [answer.message_id for answer in answers if answer.message_id is not None]
        if len(ids) < len(answers):
            raise self._error(answers) from self._refusal
        return ids

    async def _work(self, pending: deque[_Batch]) -> None:
        while pending and self._refusal is None:
            first, entries = pending.popleft()
            await self._deliver({first + number: entry for number, entry in enumerate(entries)})
            if self._in_order and any(answer.message_id is None for answer in self._answers.values()):
                return

    async def _deliver(self, entries: dict[int, Entry]) -> None:
        for attempt in range(1 if self._in_order else _ATTEMPTS):
            if attempt:
                await asyncio.sleep(random.uniform(0, _BACKOFF_S * 2**attempt))  # noqa: S311 - it spreads load
            for index, answer in zip(entries, await self._requested(list(entries.values())), strict=True):
                self._answers[index] = answer
            entries = {index: entry for index, entry in entries.items() if self._answers[index].transient}
            if not entries:
                return

    async def _requested(self, entries: Sequence[Entry]) -> Sequence[Answer]:
        try:
            return await asyncio.to_thread(self._requests.send, entries)
        except FastLambdaError:
            raise
        except Exception as error:  # noqa: BLE001 - botocore's errors have no class that could be named without it
            self._refusal = error
            return [_refused(error)] * len(entries)

    def _error(self, answers: Sequence[Answer]) -> PublishError:
        failed = tuple(answer.failure(index) for index, answer in enumerate(answers) if answer.message_id is None)
        sent = {index: answer.message_id for index, answer in enumerate(answers) if answer.message_id is not None}
        return PublishError(
            f"{len(failed)} of {len(answers)} messages were not published to {self._requests.destination.key}",
            why=_told(failed),
            failed=failed,
            sent=sent,
        )


_NOT_TRIED = Answer(None, "NotSent", "it was not sent after others had failed")


def _packed(entries: Sequence[Entry], limit: int) -> Iterator[_Batch]:
    start = size = 0
    for index, entry in enumerate(entries):
        if index > start and (index - start == _AT_ONCE or size + entry.size > limit):
            yield start, entries[start:index]
            start, size = index, 0
        size += entry.size
    if entries:
        yield start, entries[start:]


def _refused(error: Exception) -> Answer:
    answer = getattr(error, "response", {}).get("Error", {})
    return Answer(None, answer.get("Code", type(error).__name__), answer.get("Message", str(error)))


def _told(failed: Sequence[FailedMessage]) -> str:
    """Say which failed by what, those of one reason together."""
    reasons: dict[str, list[int]] = {}
    for one in failed:
        reasons.setdefault(f"{one.code}: {one.message}" if one.message else one.code, []).append(one.index)
    return "; ".join(f"{reason} ({_numbers(indices)})" for reason, indices in reasons.items())


def _numbers(indices: Sequence[int]) -> str:
    shown = ", ".join(map(str, indices[:_NAMED]))
    more = len(indices) - _NAMED
    return f"message {shown}" + (f" and {more} more" if more > 0 else "")
