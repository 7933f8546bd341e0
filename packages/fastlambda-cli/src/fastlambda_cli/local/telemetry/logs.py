"""What functions wrote in this session, by log group and stream, the oldest lines forgotten first."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_BYTES = 64 * 1024 * 1024
_OVERHEAD_BYTES = 200
"""What a kept line takes besides its text, about; short lines are many."""


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One line.

    Attributes:
        id: Orders lines that were written in the same millisecond.
        timestamp: When it was written, in milliseconds of the epoch.

    """

    id: str
    timestamp: int
    message: str


@dataclass(slots=True)
class LogStream:
    """The lines of one execution environment, oldest first.

    Attributes:
        created_at: When the environment was started, in milliseconds of the epoch.

    """

    group: str
    name: str
    created_at: int
    events: deque[LogEvent] = field(default_factory=deque)


class LogStore:
    """Log groups and streams.

    Args:
        max_bytes: How much the lines of all groups may take together.

    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._groups: dict[str, dict[str, LogStream]] = {}
        self._written: deque[LogStream] = deque()
        self._size = 0
        self._count = 0

    def write(self, group: str, stream: str, message: str) -> None:
        """Keep one line; make its group and stream if need be."""
        now = int(time.time() * 1000)
        streams = self._groups.setdefault(group, {})
        into = streams.setdefault(stream, LogStream(group, stream, now))
        self._count += 1
        into.events.append(LogEvent(f"{self._count:056d}", now, message))
        self._written.append(into)
        self._size += _size(message)
        while self._size > self._max_bytes:
            self._forget(self._written.popleft())

    def groups(self) -> list[str]:
        """The names of the groups that functions wrote into."""
        return list(self._groups)

    def streams(self, group: str) -> list[LogStream]:
        """The streams of a group; none when no function wrote into it."""
        return list(self._groups.get(group, {}).values())

    def stream(self, group: str, name: str) -> LogStream | None:
        """One stream."""
        return self._groups.get(group, {}).get(name)

    def delete_group(self, group: str) -> None:
        """Forget a group with its lines."""
        for stream in self.streams(group):
            self.delete_stream(group, stream.name)
        self._groups.pop(group, None)

    def delete_stream(self, group: str, name: str) -> None:
        """Forget a stream with its lines."""
        stream = self._groups[group].pop(name)
        self._size -= sum(_size(event.message) for event in stream.events)
        stream.events.clear()

    def _forget(self, stream: LogStream) -> None:
        """Forget the oldest line of a stream; one that was deleted since then has none."""
        if stream.events:
            self._size -= _size(stream.events.popleft().message)
        if not stream.events and self.stream(stream.group, stream.name) is stream:
            del self._groups[stream.group][stream.name]


def between(stream: LogStream, start: int | None, end: int | None) -> Iterator[LogEvent]:
    """The lines of a stream from `start` up to and including `end`, both in milliseconds of the epoch."""
    for event in stream.events:
        if (start is None or event.timestamp >= start) and (end is None or event.timestamp <= end):
            yield event


def _size(message: str) -> int:
    return len(message) + _OVERHEAD_BYTES
