"""The databases themselves: many starts at once, a lost connection, a rotated password."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from demo.app import create_app
from demo.database import Database
from demo.settings import Settings

from .conftest import DB_PASSWORD, Told, Vault, token, versioned

if TYPE_CHECKING:
    from fastapi import FastAPI

    from .conftest import PostgreSQL

BOOKS = "/api/v1/books"
STARTS = 4

START = """
import asyncio, sys
from demo.database import Database
from demo.models import Book
from demo.settings import AppSecrets

class Secrets:
    async def get(self):
        return AppSecrets(jwt_secret="unused", db_password=sys.argv[2])

async def main():
    database = Database(sys.argv[1], Secrets())
    print("up", flush=True)
    sys.stdin.readline()
    await database.create_tables()
    for number in range(20):
        async with database.session() as session:
            session.add(Book(title="T", title_folded="t", author="A", author_folded="a", year=2000))
            await session.commit()
    await database.close()

asyncio.run(main())
"""


def test_environments_that_start_and_write_at_once_lose_nothing(database_url: str) -> None:
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", START, database_url, DB_PASSWORD]
    starts = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root)  # noqa: S603
        for _ in range(STARTS)
    ]
    for start in starts:
        assert start.stdout is not None
        assert start.stdout.readline() == "up\n"
    for start in starts:
        assert start.stdin is not None
        start.stdin.write("go\n")
        start.stdin.flush()
    for start in starts:
        start.communicate()
        assert start.returncode == 0
    with TestClient(create_app(Vault(), Told(), Settings(database_url))) as client:
        assert client.get(BOOKS).json()["total"] == 20 * STARTS


def test_books_are_there_after_a_restart(database_url: str) -> None:
    vault = Vault()
    headers = {"Authorization": f"Bearer {token(vault.cached)}"}
    with TestClient(create_app(vault, Told(), Settings(database_url))) as client:
        book = client.post(BOOKS, json={"title": "T", "author": "A", "year": 2000}, headers=headers).json()
    with TestClient(create_app(vault, Told(), Settings(database_url))) as client:
        assert client.get(f"{BOOKS}/{book['id']}").json() == book


def test_a_postgresql_that_closed_its_connections_is_connected_to_again(postgresql: PostgreSQL) -> None:
    with TestClient(create_app(Vault(), Told(), Settings(postgresql.url("postgres")))) as client:
        assert client.get(BOOKS).status_code == 200
        postgresql.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_port IS NOT NULL "
            "AND pid <> pg_backend_pid()"
        )
        assert client.get(BOOKS).status_code == 200


def test_a_rotated_database_password_is_fetched_anew(postgresql: PostgreSQL) -> None:
    vault = Vault(cached=versioned("one!", db_password="rotated since"), current=versioned("one!"))
    database = Database(postgresql.url("postgres"), vault)

    async def use() -> None:
        await database.create_tables()
        await database.close()

    asyncio.run(use())
    assert vault.refetches == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_readiness_fails_with_a_problem_while_health_stays(app: FastAPI, tmp_path: Path) -> None:
    with TestClient(app) as client:
        app.state.database = Database(f"sqlite+aiosqlite:///{tmp_path / 'no' / 'such' / 'folder.db'}", Vault())
        answer = client.get("/ready")
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json() == {
            "title": "Service Unavailable",
            "status": 503,
            "detail": "The database does not answer",
        }
        assert client.get("/health").status_code == 200


def test_sqlite_answers_pages_and_searches_from_one_index_in_its_order(tmp_path: Path) -> None:
    file = tmp_path / "books.db"
    with TestClient(create_app(Vault(), Told(), Settings(f"sqlite+aiosqlite:///{file}"))):
        keys = "SELECT id FROM books {} ORDER BY created_at DESC, id LIMIT 100 OFFSET 50000"
        with contextlib.closing(sqlite3.connect(file)) as connection:
            for where in ("", "WHERE title_folded LIKE '%x%' OR author_folded LIKE '%x%'"):
                plan = [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + keys.format(where))]
                assert plan == ["SCAN books USING COVERING INDEX ix_books_newest"]


def test_without_database_url_the_books_are_beside_the_service_and_on_lambda_in_tmp(tmp_path: Path) -> None:
    assert Settings.of({}, tmp_path).database_url == f"sqlite+aiosqlite:///{tmp_path}/.fastlambda/books/books.db"
    read_only = Path("/proc/self")
    assert Settings.of({}, read_only).database_url == "sqlite+aiosqlite:////tmp/books.db"
    assert Settings.of({"DATABASE_URL": "sqlite+aiosqlite:///x.db"}).database_url == "sqlite+aiosqlite:///x.db"
