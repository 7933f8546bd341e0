"""The event loop of the local cloud, which stays awake for a moment before it sleeps.

An event is a conversation of three processes, each of which waits for the next word of another most of the time, for a
tenth of a millisecond. To fall asleep and be woken for each takes a sixth of the whole.
"""

from __future__ import annotations

import asyncio
import os
import selectors
import sys
import time
from collections.abc import Callable

AWAKE_S = 0.00015
"""Seconds in which the loop looks for what comes next, after something has come."""


class AttentiveSelector(selectors.DefaultSelector):
    """Waits like any other, but looks a while before it sleeps, if it has just been told of something.

    Args:
        clock: Tells the time, in seconds.

    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        super().__init__()
        self._clock = clock
        self._told = False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for what is ready, up to `timeout` seconds; None waits for ever, and 0 or less does not wait."""
        if timeout is not None and timeout <= 0:
            ready = super().select(timeout)
            self._told = self._told or bool(ready)
            return ready
        ready = self._looked() if self._told and (timeout is None or timeout > AWAKE_S) else []
        ready = ready or super().select(timeout)
        self._told = bool(ready)
        return ready

    def _looked(self) -> list[tuple[selectors.SelectorKey, int]]:
        if ready := super().select(0):
            return ready
        until = self._clock() + AWAKE_S
        while not ready and self._clock() < until:
            ready = super().select(0)
        return ready


def attentive_loop() -> asyncio.AbstractEventLoop:
    """Make such a loop; on a machine with one processor, which others need meanwhile, one of asyncio's."""
    processors = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return asyncio.SelectorEventLoop(AttentiveSelector()) if processors > 1 else asyncio.new_event_loop()
