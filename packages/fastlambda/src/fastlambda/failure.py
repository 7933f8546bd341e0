"""Sees the app's exception before the adapter turns it into a 500 and the invocation into a success."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from fastlambda import exchange
from fastlambda.errors import AppExitedError, NoAnswerError

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
        """Run the app; record what it raises, then raise it again.

        Raises:
            NoAnswerError: the app returned before its answer was complete.

        """
        try:
            await self._app(scope, receive, send)
            _require_answer()
        except BaseException as error:
            self._record(error)
            raise


def _require_answer() -> None:
    request = exchange.current()
    if request is not None and not request.answered and not request.abandoned:
        raise NoAnswerError(
            "The app returned without a complete answer",
            why="it sent no last http.response.body",
            remedy="Look for a middleware that neither answers nor calls the app that it wraps.",
        )


def raisable(error: BaseException) -> Exception:
    """Return the exception with which the invocation fails for what escaped from the app.

    SystemExit, KeyboardInterrupt and CancelledError would end the runtime's process, and with it the environment.
    """
    if isinstance(error, Exception):
        return error
    exited = AppExitedError(f"The app raised {type(error).__name__}", why=str(error), remedy="Raise an Exception.")
    exited.__cause__ = error
    return exited.with_traceback(error.__traceback__)


def quiet_adapter() -> None:
    """Keep Mangum from writing what is written here with the request's keys: its access line and the exception."""
    logging.getLogger("mangum.http").setLevel(logging.CRITICAL)
