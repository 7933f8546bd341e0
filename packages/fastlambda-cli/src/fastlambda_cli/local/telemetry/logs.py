"""What functions wrote in this session, by log group and stream, the oldest lines forgotten first."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_BYTES = 16 * 1024 * 1024
_OVERHEAD_BYTES = 90
"""What a kept line takes besides its text: Python's object, its number and time, and its places in two queues."""


class LogEvent(NamedTuple):
    """One line.

    Attributes:
        number: Orders lines that were written in the same millisecond.
        timestamp: When it was written, in milliseconds of the epoch.

    """

    number: int
    timestamp: int
    message: str

    @property
    def id(self) -> str:
        """Its number, as CloudWatch Logs writes such."""
        return f"{self.number:056d}"


@dataclass(slots=True)
class LogStream:
    """The lines of one execution environment.

    Attributes:
        created_at: When the environment was started, in milliseconds of the epoch.
        lines: Number, time and text of each line, oldest first, in one piece: as objects they would take twice as much.

    """

    group: str
    name: str
    created_at: int
    lines: deque[bytes] = field(default_factory=deque)

    @property
    def events(self) -> Iterator[LogEvent]:
        """The lines, oldest first."""
        return map(_event, self.lines)

    @property
    def written(self) -> tuple[int, int] | None:
        """When the first and the last of them were written; None when there is none."""
        return (_event(self.lines[0]).timestamp, _event(self.lines[-1]).timestamp) if self.lines else None


def _event(line: bytes) -> LogEvent:
    number, timestamp, message = line.split(b" ", 2)
    return LogEvent(int(number), int(timestamp), message.decode("utf-8", "surrogatepass"))


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
        streams = self._groups.get(group)
        into = None if streams is None else streams.get(stream)
        if into is None:
            into = self._groups.setdefault(group, {})[stream] = LogStream(group, stream, now)
        self._count += 1
        line = f"{self._count} {now} {message}".encode("utf-8", "surrogatepass")
        into.lines.append(line)
        self._written.append(into)
        self._size += _size(line)
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
        self._size -= sum(map(_size, stream.lines))
        stream.lines.clear()

    def _forget(self, stream: LogStream) -> None:
        """Forget the oldest line of a stream; one that was deleted since then has none."""
        if stream.lines:
            self._size -= _size(stream.lines.popleft())
        if not stream.lines and self.stream(stream.group, stream.name) is stream:
            del self._groups[stream.group][stream.name]


def between(stream: LogStream, start: int | None, end: int | None) -> Iterator[LogEvent]:
    """The lines of a stream from `start` up to and including `end`, both in milliseconds of the epoch."""
    for event in stream.events:
        if (start is None or event.timestamp >= start) and (end is None or event.timestamp <= end):
            yield event


def _size(line: bytes) -> int:
    return len(line) + _OVERHEAD_BYTES
