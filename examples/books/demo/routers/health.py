"""Whether the process runs, and whether it can do its work."""

from __future__ import annotations

import asyncio
import logging
from typing import Literal

from fastapi import APIRouter, Request, Response, status
from fastapi.responses import JSONResponse
from pydantic import BaseModel

_PATIENCE_S = 2.0
_log = logging.getLogger(__name__)

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """All is well."""

    status: Literal["ok"] = "ok"


class Problem(BaseModel):
    """What is wrong (RFC 9457)."""

    title: str
    status: int
    detail: str


@router.get("/health")
async def health() -> Health:
    """Answer: the process runs."""
    return Health()


@router.get("/ready", response_model=Health, responses={status.HTTP_503_SERVICE_UNAVAILABLE: {"model": Problem}})
async def ready(request: Request) -> Health | Response:
    """Answer 200 when the database answers, else 503."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await request.app.state.database.check()
    except Exception:  # noqa: BLE001  # whatever a driver raises, it is not ready
        _log.warning("The database does not answer", exc_info=True)
        problem = Problem(
            title="Service Unavailable",
            status=status.HTTP_503_SERVICE_UNAVAILABLE,
            detail="The database does not answer",
        )
        return JSONResponse(problem.model_dump(), problem.status, media_type="application/problem+json")
    return Health()
