"""Ctrl-C, and the signals by which CI systems cancel, as the exception that lets a command put things in order."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130
"""The exit code of a program that Ctrl-C ended, by the shells' convention."""

ONE_PRESS_S = 1.0
"""Seconds within which a second signal is the first once more: `uv run` forwards what the whole group has got."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt where a signal finds the block, and end the program when the block has had its turn.

    A second signal that is not the first once more interrupts what the first one has begun.

    Raises:
        SystemExit: The block was interrupted; the exit code is the shells' for that.

    """
    last = float("-inf")

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < ONE_PRESS_S:
            return
        last = now
        signal.default_int_handler(number, frame)

    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        yield
    except KeyboardInterrupt:
        # In a terminal the cursor stands behind a question, or behind the ^C itself.
        sys.stderr.write("\nInterrupted.\n" if sys.stderr.isatty() else "Interrupted.\n")
        raise SystemExit(INTERRUPTED) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
