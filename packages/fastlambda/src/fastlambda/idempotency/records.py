"""The idempotency records of one consumer, or of the HTTP routes: taken before work begins, settled after it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from starlette.concurrency import run_in_threadpool

from fastlambda.errors import IdempotencyError, SettingsError
from fastlambda.observe.logging import logger
from fastlambda.settings import current

if TYPE_CHECKING:
    from mangum.types import LambdaContext

    from fastlambda.idempotency.store import Deadline, Earlier, Store

_log = logging.getLogger(__name__)
_declared: list[Records] = []

_LONGEST_MS = 900_000
"""Milliseconds that an invocation can last (AWS Lambda Developer Guide, "Lambda quotas")."""


class Records:
    """The records of one name, in the table that `FASTLAMBDA_IDEMPOTENCY_TABLE` names.

    The table is first looked for in INIT on Lambda, which `prepare` sees to, elsewhere when a key is first taken.

    Args:
        name: Before all keys, so that equal keys of others are others.
        key: A JMESPath expression: what of the data is the key.
        payload: One for what has to be the same whenever the key is; empty for nothing.

    """

    def __init__(self, name: str, *, key: str, payload: str = "") -> None:
        self._name = name
        self._key = key
        self._payload = payload
        _declared.append(self)

    async def once(self, data: Any, context: LambdaContext | None, work: Callable[[], Awaitable[None]]) -> bool:
        """Do work, unless it has been done for this key; return whether it was done now.

        Raises:
            IdempotencyError: Somebody else has the key, or the table cannot be used; nothing was done.
            InvalidMessageError: There is no key in the data.
            BaseException: Whatever escapes from the work.

        """
        if await self.hold(data, context) is not None:
            return False
        try:
            await work()
        except BaseException as error:
            await self.release(data, error)
            raise
        await self.keep(data, None)
        return True

    async def hold(self, data: Any, context: LambdaContext | None) -> Earlier | None:
        """Take a key until the invocation's deadline; return what has been done for it already.

        Args:
            data: Has the key and the payload.
            context: The invocation. Where there is none, or one without a deadline, the key is taken for as long as an
                invocation of Lambda can last.

        Raises:
            IdempotencyError: Somebody else has the key, or the table cannot be used.
            InvalidMessageError: There is no key in the data.

        """
        if current().idempotency_disabled:
            return None
        knows = context is not None and hasattr(context, "get_remaining_time_in_millis")
        deadline = cast("Deadline", context) if knows else _Longest()
        return await run_in_threadpool(self.store.hold, data, deadline)

    async def keep(self, data: Any, result: Any) -> None:
        """Note that the work is done; when that fails it is logged, for what has been done is not undone by it."""
        if current().idempotency_disabled:
            return
        try:
            await run_in_threadpool(self.store.keep, data, result)
        except IdempotencyError:
            logger.exception("An idempotency record is not completed: what was done may be done again")

    async def release(self, data: Any, error: BaseException) -> None:
        """Give the key back, so that the work is done again.

        After a cancellation it stays taken until the deadline: code in a thread may still be at it. When giving it back
        fails that is logged, and it stays taken as long.

        Args:
            data: As the key was taken with.
            error: Why the work is not done.

        """
        if current().idempotency_disabled or isinstance(error, asyncio.CancelledError):
            return
        try:
            await run_in_threadpool(self.store.release, data, error)
        except IdempotencyError:
            logger.exception("An idempotency record is not deleted: it is in progress until the deadline")

    @cached_property
    def store(self) -> Store:
        """The table.

        Raises:
            SettingsError: The environment names none, or there is no boto3.

        """
        settings = current()
        if not settings.idempotency_table:
            raise SettingsError(
                "FASTLAMBDA_IDEMPOTENCY_TABLE is not set",
                why=f"{self._name} is idempotent, and its records need a table",
                remedy="Deploy with fastlambda, which makes it, or set POWERTOOLS_IDEMPOTENCY_DISABLED=true in tests.",
            )
        try:
            # Powertools brings boto3 with it, which a function without idempotency does not pay for.
            from fastlambda.idempotency.store import Store  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise SettingsError(
                f"{self._name} is idempotent and cannot be", why=str(error), remedy="Add boto3 to the dependencies."
            ) from error
        return Store(
            settings.idempotency_table,
            self._name,
            key=self._key,
            payload=self._payload,
            expires=settings.idempotency_expires,
        )


class _Longest:
    """Stands for the invocation where a server runs the app, or a test."""

    def get_remaining_time_in_millis(self) -> int:
        return _LONGEST_MS


def prepare() -> None:
    """Load the SDK and make the client in INIT, where no message or request waits for it.

    Raises:
        SettingsError: Something is idempotent, and the environment names no table.

    """
    if current().idempotency_disabled:
        if _declared:
            _log.warning("POWERTOOLS_IDEMPOTENCY_DISABLED is set: nothing is idempotent")
        return
    for records in _declared:
        _ = records.store
