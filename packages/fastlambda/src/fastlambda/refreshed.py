"""A value that a slow, failing call reads: kept fresh off the event loop, by one call at a time."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Generic, TypeVar

from fastlambda.frozen import Frozen

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

T = TypeVar("T")


class _Held(Frozen, Generic[T]):
    value: T
    read_at: float


class Refreshed(Generic[T]):
    """What `read` last returned, read again in a thread when it is too old.

    However many ask at once, and on whichever event loop, there is one call. While calls fail, the last good value
    is served; without one, the failure is raised, and raised again without a call until `retry_after` is over.

    Args:
        read: Returns the value; may block; runs with the context variables of whoever asked.
        retry_after: Seconds after a failure until the next call, and between two forced calls.
        on_stale: Told of each failure that the last good value covered; runs where `read` ran.
        clock: Seconds, on a scale of its own.

    """

    def __init__(
        self,
        read: Callable[[], T],
        *,
        retry_after: float,
        on_stale: Callable[[Exception], None],
        clock: Callable[[], float],
    ) -> None:
        self._read = read
        self._retry_after = retry_after
        self._on_stale = on_stale
        self._clock = clock
        self._held: _Held[T] | None = None
        self._failure: Exception | None = None
        self._failed_at: float | None = None
        self._forced_at: float | None = None
        self._flight: Future[T] | None = None
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fastlambda-refresh")

    async def get(self, max_age: float, *, force: bool = False) -> T:
        """Return a value at most `max_age` seconds old, or the last good one; raise what `read` raised.

        With `force` the value is read whatever its age, but not twice in `retry_after` seconds.
        """
        with self._lock:
            if self._flight is None and self._is_due(max_age, force=force):
                self._forced_at = self._clock() if force else self._forced_at
                self._flight = self._thread.submit(contextvars.copy_context().run, self._refresh)
            flight, held, failure = self._flight, self._held, self._failure
        if flight is not None:
            # Shielded: a client that hangs up must not cancel the call that others wait for.
            return await asyncio.shield(asyncio.wrap_future(flight))
        if held is not None:
            return held.value
        assert failure is not None  # noqa: S101  # nothing held and no call due: then the last call has just failed
        raise failure.with_traceback(None)

    def forget(self) -> None:
        """Hold nothing: the next `get` reads, at once."""
        with self._lock:
            self._held = self._failure = self._failed_at = None

    def _is_due(self, max_age: float, *, force: bool) -> bool:
        if self._within(self._failed_at, self._retry_after):
            return False
        if force:
            return not self._within(self._forced_at, self._retry_after)
        return self._held is None or not self._within(self._held.read_at, max_age)

    def _within(self, moment: float | None, seconds: float) -> bool:
        # Compared both ways: a clock that was set back must not keep a value, or a silence, for ever.
        return moment is not None and 0 <= self._clock() - moment < seconds

    def _refresh(self) -> T:
        try:
            value = self._read()
        except Exception as failure:
            with self._lock:
                self._flight, self._failure, self._failed_at = None, failure, self._clock()
                held = self._held
            if held is None:
                raise
            self._on_stale(failure)
            return held.value
        with self._lock:
            self._flight = self._failure = self._failed_at = None
            self._held = _Held(value=value, read_at=self._clock())
        return value
