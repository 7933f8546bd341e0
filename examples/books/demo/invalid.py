"""The answer to a request that does not fit its schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fastapi import Response, status
from fastapi.exceptions import RequestValidationError

if TYPE_CHECKING:
    from fastapi import Request


async def invalid_request(_: Request, error: Exception) -> Response:
    """Answer 422 with FastAPI's list of errors, without the input it would repeat.

    JSON can say what an answer cannot repeat: NaN, or half a surrogate pair. FastAPI's own handler fails on both,
    and the client's mistake becomes a 500.
    """
    if not isinstance(error, RequestValidationError):
        raise TypeError(f"{type(error).__name__} is no RequestValidationError") from error
    detail = [{"type": item["type"], "loc": item["loc"], "msg": item["msg"]} for item in error.errors()]
    body = json.dumps({"detail": detail})
    return Response(body, status.HTTP_422_UNPROCESSABLE_CONTENT, media_type="application/json")
