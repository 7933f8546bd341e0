"""gzip whose bytes depend on nothing but the input: not on the processors that share the work, nor on the clock.

The input is compressed in blocks, several at once, each knowing the 32 KiB before it and ending at a whole byte, so
that together they are one ordinary gzip member (RFC 1951, RFC 1952). That is how pigz does it.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO, Self

BLOCK = 2**20
"""Bytes of input that are compressed as one."""

_LEVEL = 6
_WINDOW = 2**15
_RAW = -zlib.MAX_WBITS
# Deflate, no flags, no time, no hint about the level, written on an unknown system (RFC 1952, section 2.3.1).
_HEADER = b"\x1f\x8b\x08\x00" + b"\0\0\0\0" + b"\x00\xff"
_LAST_BLOCK = b"\x03\x00"
_SAMPLE = b"".join(hashlib.sha256(bytes([number])).hexdigest().encode() * (number % 7) for number in range(256))
_SAMPLE_COMPRESSED = "b63fb7d74562134bfa0f50c86934b50138b7d0b1446e9afbefe99f96abb2b2c7"


class Gzip:
    """Writes one gzip member to a file; use it as a context.

    Args:
        target: Is written to.
        workers: How many blocks are compressed at once; by default as many as there are processors.

    """

    def __init__(self, target: BinaryIO, *, workers: int | None = None) -> None:
        self._target = target
        self._count = workers or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self._count)
        self._pending: deque[Future[bytes]] = deque()
        self._waiting = bytearray()
        self._window = b""
        self._crc = 0
        self._size = 0
        target.write(_HEADER)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Complete the member, unless the block failed."""
        try:
            if kind is None:
                self._finish()
        finally:
            self._pool.shutdown(cancel_futures=True)

    def write(self, data: bytes) -> None:
        """Compress more.

        Raises:
            OSError: The file cannot be written.

        """
        self._crc = zlib.crc32(data, self._crc)
        self._size += len(data)
        self._waiting += data
        while len(self._waiting) >= BLOCK:
            self._submit(bytes(self._waiting[:BLOCK]))
            del self._waiting[:BLOCK]

    def _submit(self, block: bytes) -> None:
        self._pending.append(self._pool.submit(_compressed, block, self._window))
        self._window = block[-_WINDOW:]
        # Bounded, so that a large layer is never in memory as a whole.
        while len(self._pending) > 2 * self._count:
            self._target.write(self._pending.popleft().result())

    def _finish(self) -> None:
        if self._waiting:
            self._submit(bytes(self._waiting))
        for block in self._pending:
            self._target.write(block.result())
        self._target.write(_LAST_BLOCK)
        self._target.write(self._crc.to_bytes(4, "little") + (self._size % 2**32).to_bytes(4, "little"))


def is_usual_compressor() -> bool:
    """Whether this Python's zlib makes the bytes that most make; another one, such as zlib-ng, is as good but other."""
    return hashlib.sha256(_compressed(_SAMPLE, b"")).hexdigest() == _SAMPLE_COMPRESSED


def _compressed(block: bytes, window: bytes) -> bytes:
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW, zlib.DEF_MEM_LEVEL, zlib.Z_DEFAULT_STRATEGY, window)
    return compressor.compress(block) + compressor.flush(zlib.Z_SYNC_FLUSH)
