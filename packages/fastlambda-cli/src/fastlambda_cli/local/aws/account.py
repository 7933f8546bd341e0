"""The account's limit on events at once, over all functions together.

AWS Lambda Developer Guide, "Understanding Lambda function scaling" and "Configuring reserved concurrency for a
function": what is reserved for a function is taken out of the account's limit and held against that function alone; all
others share the rest. 100 of an account always stay unreserved.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from fastlambda_cli.local.model import ThrottledError, ThrottleReason

UNRESERVED = 100
"""Of them cannot be reserved."""


class AccountConcurrency:
    """Counts the events of all functions for which nothing is reserved.

    Args:
        limit: Events at once of all functions.
        unreserved: Tells how many of them are reserved for no function; asked only where that can decide.

    """

    def __init__(self, limit: int, unreserved: Callable[[], Awaitable[int]]) -> None:
        self._certain = min(limit, UNRESERVED)
        self._unreserved = unreserved
        self._running = 0

    @contextlib.asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """Count one event while the block runs.

        Raises:
            ThrottledError: As many are running as the account may have.

        """
        await self.enter()
        try:
            yield
        finally:
            self.leave()

    async def enter(self) -> None:
        """Count one event until `leave`; raises what `admitted` raises."""
        if self.admit():
            return
        unreserved = await self._unreserved()
        if self._running >= unreserved:
            raise ThrottledError(ThrottleReason.ACCOUNT)
        self._running += 1

    def admit(self) -> bool:
        """Count one event until `leave`, if that is certain without asking anybody; whether it was."""
        if self._running >= self._certain:
            return False
        self._running += 1
        return True

    def leave(self) -> None:
        """Count it no longer."""
        self._running -= 1
