"""The function's output: plain pipes for what it prints, a framed pipe for what the runtime client logs.

A pipe keeps the order of writes, and the runtime writes before it posts its answer. So reading a pipe dry when the
answer arrives yields exactly the lines that belong to the invocation, with no waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import socket
import struct
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

MAX_LINE = 256 * 1024
"""Bytes; CloudWatch Logs cuts longer events (Lambda Developer Guide, "Sending Lambda function logs")."""

_CHUNK = 64 * 1024
_FRAME_HEAD = struct.Struct(">IIQ")
_FRAME_MARK = b"\xa5\x5a"
_PIPE_CAPACITY = 64 * 1024  # where the system does not tell (macOS)
_SOCKET_CAPACITY = 1024 * 1024


class Decoder(Protocol):
    """Turns the bytes of one pipe into whole lines."""

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that are complete now."""

    def flush(self) -> list[str]:
        """Return what is left when the pipe has ended."""


class Lines:
    """Splits at line feeds only, as Lambda does: a carriage return stays inside its line."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that are complete now; an overlong one is cut into pieces."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        while len(self._rest) > MAX_LINE:
            lines.append(self._rest[:MAX_LINE])
            self._rest = self._rest[MAX_LINE:]
        return [line.decode(errors="replace") for line in lines if line]

    def flush(self) -> list[str]:
        """Return the last line when the function ended without a line feed."""
        rest, self._rest = self._rest, b""
        return [rest.decode(errors="replace")] if rest else []


class Frames:
    """The runtime client's framing: big-endian type, length, microseconds, then the message (awslambdaric)."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[str]:
        """Return the messages that are complete now, each cut at the limit of one log event."""
        self._rest += data
        messages: list[str] = []
        while len(self._rest) >= _FRAME_HEAD.size:
            if not self._rest.startswith(_FRAME_MARK):
                messages += self._unframed()
                continue
            _, length, _ = _FRAME_HEAD.unpack_from(self._rest)
            end = _FRAME_HEAD.size + length
            if len(self._rest) < end:
                break
            message = self._rest[_FRAME_HEAD.size : min(end, _FRAME_HEAD.size + MAX_LINE)]
            messages.append(message.decode(errors="replace").rstrip("\n"))
            del self._rest[:end]
        return messages

    def flush(self) -> list[str]:
        """Drop a frame that was cut off when its writer died."""
        self._rest.clear()
        return []

    def _unframed(self) -> list[str]:
        """Take what stands before the next frame: something else in the function wrote into the pipe."""
        start = self._rest.find(_FRAME_MARK)
        stray = self._rest[: start if start > 0 else len(self._rest)]
        del self._rest[: len(stray)]
        return [line for line in stray.decode(errors="replace").splitlines() if line]


class LogPipe:
    """The reading end of one of the function's pipes; `write_fd` goes to the child and is then closed here.

    Args:
        decoder: Makes lines of what is read.
        emit: Is told each.
        read_fd: What to read, where the child has its end already; by default a pipe of our own.

    """

    def __init__(self, decoder: Decoder, emit: Callable[[str], None], read_fd: int | None = None) -> None:
        self._read_fd, self.write_fd = os.pipe() if read_fd is None else (read_fd, -1)
        os.set_blocking(self._read_fd, False)
        self._decoder = decoder
        self._emit = emit
        self._loop = asyncio.get_running_loop()
        self._open = True
        self._capacity = _capacity(self._read_fd) if read_fd is None else _SOCKET_CAPACITY
        self._loop.add_reader(self._read_fd, self._read)

    def fileno(self) -> int:
        """What is read."""
        return self._read_fd

    def handed_over(self) -> None:
        """Close the child's end on our side, so that the pipe ends when the child does."""
        with contextlib.suppress(OSError):
            os.close(self.write_fd)

    def drain(self) -> None:
        """Emit everything that has been written so far.

        That is what the pipe can hold, at the most: a function that goes on writing would keep us here for ever.
        """
        left = self._capacity
        while self._open and left > 0:
            taken = self._read()
            if not taken:
                return
            left -= taken

    def _read(self) -> int:
        """Emit the lines of one read; return how many bytes it took, 0 when there is nothing now."""
        try:
            data = os.read(self._read_fd, _CHUNK)
        except BlockingIOError:
            return 0
        if not data:
            self.close()
        for line in self._decoder.feed(data):
            self._emit(line)
        return len(data)

    def close(self) -> None:
        """Stop reading, after emitting what a dead writer left unfinished."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._read_fd)
        os.close(self._read_fd)
        for line in self._decoder.flush():
            self._emit(line)


class LogSocket:
    """Where the workers of an environment connect their output, each for itself, so that no lines mix.

    awslambdaric reads its path from the variable `LogSocket.VARIABLE`.

    Args:
        emit: Is told each line.
        opened: Is told each connection.

    """

    VARIABLE = "_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET"

    def __init__(self, emit: Callable[[str], None], opened: Callable[[LogPipe], None]) -> None:
        # Not in the environment's folder: the path of a socket has 107 bytes at the most.
        self.folder = Path(tempfile.mkdtemp(prefix="fastlambda-"))
        self.path = f"{self.folder}/logs"
        self._emit = emit
        self._opened = opened
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(self.path)
        self._socket.listen(128)
        self._socket.settimeout(0)
        asyncio.get_running_loop().add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            connection, _ = self._socket.accept()
            self._opened(LogPipe(Lines(), self._emit, connection.detach()))

    def close(self) -> None:
        """Take no more connections."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _capacity(pipe: int) -> int:
    if sys.platform == "linux":
        return fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)
    return _PIPE_CAPACITY


def as_object(text: str) -> Mapping[str, Any] | None:
    """The line as one JSON object, or None when it is anything else."""
    if not text.startswith("{"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def is_emf(fields: Mapping[str, Any]) -> bool:
    """Whether CloudWatch would read metrics out of the line (Embedded Metric Format specification)."""
    header = fields.get("_aws")
    return isinstance(header, dict) and "Timestamp" in header and isinstance(header.get("CloudWatchMetrics"), list)
