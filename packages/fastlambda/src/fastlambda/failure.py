"""Sees the app's exception before the adapter turns it into a 500 and the invocation into a success."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mangum.types import ASGI, Receive, Scope, Send


class FailureMiddleware:
    """Hands every exception that escapes from the app to `record`, and lets it go on.

    Frameworks answer 500 before they let an exception out (Starlette's ServerErrorMiddleware does), and Mangum answers
    for those that do not: the client gets its 500 either way.
    """

    def __init__(self, app: ASGI, record: Callable[[BaseException], None]) -> None:
        self._app = app
        self._record = record

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app; record what it raises, then raise it again."""
        try:
            await self._app(scope, receive, send)
        except BaseException as error:
            self._record(error)
            raise


def quiet_adapter() -> None:
    """Keep Mangum from writing what is written here with the request's keys: its access line and the exception."""
    logging.getLogger("mangum.http").setLevel(logging.CRITICAL)
