"""One HTTP request with an idempotency key, from its payload's fingerprint to the answer that is kept of it."""

from __future__ import annotations

import functools
import hashlib
import logging
import re
from contextvars import ContextVar
from typing import Any

from fastapi import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from fastlambda.errors import InProgressError, KeyReusedError
from fastlambda.idempotency.answer import complete, from_record, to_record
from fastlambda.idempotency.records import Records

current_request: ContextVar[KeyedRequest] = ContextVar("fastlambda_keyed_request")
"""The request that is being answered, where it came with a key."""

_BAD_REQUEST = 400
# A String of Structured Fields is quoted (RFC 9651, "Strings"); many clients send their key as it is.
_QUOTED = re.compile(r'"(?P<key>(?:[^"\\]|\\["\\])*)"')
_BOUNDARY = re.compile(r'^multipart/.*boundary="?(?P<boundary>[^";]+)', re.IGNORECASE)

_log = logging.getLogger(__name__)


@functools.cache
def records() -> Records:
    """The records of all HTTP routes: a key is one operation's, whichever route it is sent to."""
    return Records("http", key="key", payload="request")


class KeyedRequest:
    """A request and its record.

    Args:
        request: The request.
        body: Its body.

    """

    def __init__(self, request: Request, body: bytes) -> None:
        self._request = request
        self._payload = _fingerprint(request, body)
        self._data: dict[str, Any] | None = None
        self._held = False

    def identify(self, key: str, caller: Any) -> None:
        """Say what the request is known by: the key as it was sent, and whose it is."""
        quoted = _QUOTED.fullmatch(key)
        self._data = {"key": [quoted["key"] if quoted else key, caller], "request": self._payload}

    async def earlier(self) -> Response | None:
        """Take the key; return the answer that was given for it before.

        Raises:
            HTTPException: 409 while the same request is being answered, 422 for another one with the same key, 409 for
                an answer that was too large to be kept.
            IdempotencyError: The table cannot be used.

        """
        try:
            found = await records().hold(self._data, self._request.scope.get("aws.context"))
        except InProgressError:
            raise HTTPException(
                409, "A request with this Idempotency-Key is being answered", {"retry-after": "1"}
            ) from None
        except KeyReusedError:
            raise HTTPException(422, "This Idempotency-Key was sent with another request") from None
        if found is None:
            self._held = True
            return None
        _log.info("Answered a request as it was answered before")
        return from_record(found.result)

    async def release(self, error: BaseException) -> None:
        """Give the key back after a failure."""
        if self._held:
            await records().release(self._data, error)

    async def keep(self, response: Response) -> Response:
        """Keep the answer, or give the key back when it is an error; return the answer."""
        if not self._held:
            return response
        try:
            answer = await complete(response, self._request)
        except BaseException as error:
            await self.release(error)
            raise
        if answer.status_code < _BAD_REQUEST:
            await records().keep(self._data, to_record(answer))
        else:
            await self.release(HTTPException(answer.status_code))
        return answer


def _fingerprint(request: Request, body: bytes) -> str:
    boundary = _BOUNDARY.match(request.headers.get("content-type", ""))
    if boundary:  # which every attempt draws anew
        body = body.replace(boundary["boundary"].encode(), b"")
    scope = request.scope
    asked = "\n".join((scope["method"], scope["path"], scope["query_string"].decode("latin-1"), ""))
    return hashlib.sha256(asked.encode() + body).hexdigest()
