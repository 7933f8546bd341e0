"""The app, put together."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError

from demo.database import Database
from demo.invalid import invalid_request
from demo.routers import books, health
from demo.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from demo.announcements import Announcements
    from demo.secrets import SecretSource


def create_app(secrets: SecretSource, announcements: Announcements, settings: Settings | None = None) -> FastAPI:
    """Make the app.

    Args:
        secrets: Where its secrets come from; read once at startup, so that a missing one stops the start.
        announcements: Where its messages go.
        settings: By default those of the environment.

    """
    database = Database((settings or Settings.of(os.environ)).database_url, secrets)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await secrets.get()
        await database.create_tables()
        yield
        await database.close()

    app = FastAPI(title="Books", version="1.0.0", lifespan=lifespan)
    app.state.secrets = secrets
    app.state.announcements = announcements
    app.state.database = database
    app.add_exception_handler(RequestValidationError, invalid_request)
    app.include_router(books.router)
    app.include_router(health.router)
    return app
