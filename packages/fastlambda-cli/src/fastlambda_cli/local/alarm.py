"""A time that is set and cleared for every event, and nearly never comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Alarm:
    """Calls something when a time is over, unless it is cleared or set anew before.

    One timer of the event loop serves many settings: it looks, when it is due, whether it still should be. Each setting
    with a timer of its own would cost several times as much.

    Args:
        call: Is called.

    """

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None

    def set(self, after_s: float) -> None:
        """Call after so many seconds, counted from now, whatever was set before."""
        due = self._due = self._loop.time() + after_s
        if self._timer is not None and self._timer.when() > due:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(due, self._look)

    @property
    def is_set(self) -> bool:
        """Whether it would call."""
        return self._due is not None

    def clear(self) -> None:
        """Do not call."""
        self._due = None

    def end(self) -> None:
        """Do not call, and leave no timer behind."""
        self._due = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self._due is None:
            return
        if self._due > self._loop.time():
            self._timer = self._loop.call_at(self._due, self._look)
        else:
            self._due = None
            self._call()
