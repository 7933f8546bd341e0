"""`demo.main:app`: the books API with its secrets from Secrets Manager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastlambda.secrets import Secret, SecretError

# isort: split
# The runtime comes first: it prepares a fast start before FastAPI is imported.
from aws_lambda_powertools import Logger
from fastapi import status
from fastapi.responses import JSONResponse

from demo.app import create_app
from demo.events import Published
from demo.settings import SECRET_ENV, AppSecrets

if TYPE_CHECKING:
    from fastapi import Request

logger = Logger()

app = create_app(Secret(AppSecrets, env=SECRET_ENV), Published())


@app.exception_handler(SecretError)
async def secret_unavailable(_: Request, error: SecretError) -> JSONResponse:
    """Answer 503: without the secret's previous version a token is neither good nor bad."""
    logger.error("A secret cannot be read", exc_info=error)
    detail = {"detail": "The service cannot check tokens now"}
    return JSONResponse(detail, status.HTTP_503_SERVICE_UNAVAILABLE, headers={"Retry-After": "10"})
