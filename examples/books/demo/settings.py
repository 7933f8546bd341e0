"""Environment variables -> one frozen record."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, SecretStr

if TYPE_CHECKING:
    from collections.abc import Mapping

SECRET_ENV = "APP_SECRET_ARN"  # noqa: S105  # a name, not a secret
"""Names the secret that holds `AppSecrets`."""

TASK_ROOT = Path(__file__).resolve().parents[1]


class AppSecrets(BaseModel):
    """What the service keeps in Secrets Manager.

    Attributes:
        jwt_secret: Signs and verifies the bearer tokens; at least 32 bytes (RFC 7518, section 3.2).
        db_password: The password of PostgreSQL's user; SQLite has none.

    """

    jwt_secret: SecretStr
    db_password: SecretStr


@dataclass(frozen=True, slots=True)
class Settings:
    """What may differ between two deployments.

    Attributes:
        database_url: An SQLAlchemy URL: `sqlite+aiosqlite:///FILE`, or `postgresql+asyncpg://USER@HOST/NAME` whose
            password is the secret's `db_password`.

    """

    database_url: str

    @classmethod
    def of(cls, environ: Mapping[str, str], task_root: Path = TASK_ROOT) -> Settings:
        """Read DATABASE_URL; without one the books are in an SQLite file (see `default_database_url`)."""
        return cls(environ.get("DATABASE_URL") or default_database_url(task_root))


def default_database_url(task_root: Path) -> str:
    """Return the URL of an SQLite file that is kept between runs wherever the service's `.fastlambda` can be written.

    `dev` lets the function do so (`local.writable`). On Lambda it cannot (`/var/task` is read-only), and `/tmp` is all
    there is: each execution environment then has books of its own, which end with it. That is good for a first look and
    nothing else; set DATABASE_URL.
    """
    folder = task_root / ".fastlambda" / "books"
    if os.access(folder, os.W_OK) or os.access(task_root, os.W_OK):
        folder.mkdir(parents=True, exist_ok=True)
    else:
        folder = Path("/tmp")  # noqa: S108  # Lambda's own, private to the execution environment
    return f"sqlite+aiosqlite:///{folder / 'books.db'}"
