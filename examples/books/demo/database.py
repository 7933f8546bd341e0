"""The database behind the books: an SQLite file, or PostgreSQL with its password from the secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event, make_url, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from demo.models import Base, Book

if TYPE_CHECKING:
    from sqlalchemy import URL
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.ext.asyncio import AsyncEngine

    from demo.secrets import SecretSource

# Several environments of one function write the same file: a writer waits this long for its turn.
_SQLITE_PATIENCE_S = 10
# Any number, as long as every start uses the same one.
_TABLES_LOCK = 0x626F6F6B


class Database:
    """The books' database while the app runs.

    Args:
        url: An SQLAlchemy URL with an async driver, as in `Settings`.
        secrets: Knows PostgreSQL's password.

    """

    def __init__(self, url: str, secrets: SecretSource) -> None:
        parsed = make_url(url)
        self._engine = _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed, secrets)
        self.session = async_sessionmaker(self._engine, class_=AsyncSession, expire_on_commit=False)

    async def create_tables(self) -> None:
        """Create what is missing, however many environments start at the same moment."""
        async with self._engine.begin() as connection:
            # One start looks and creates at a time: without a lock two would create the same table.
            if self._engine.dialect.name == "sqlite":
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _TABLES_LOCK})
            await connection.run_sync(Base.metadata.create_all)

    async def check(self) -> None:
        """Read from the books' table; raises what the driver raises when that fails."""
        async with self._engine.connect() as connection:
            await connection.execute(text(f"SELECT 1 FROM {Book.__tablename__} LIMIT 1"))  # noqa: S608  # a constant

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def _sqlite(url: URL) -> AsyncEngine:
    engine = create_async_engine(url, connect_args={"timeout": _SQLITE_PATIENCE_S})

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        # Readers and a writer do not wait for each other, and a commit need not wait for the disk.
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()

    return engine


def _postgresql(url: URL, secrets: SecretSource) -> AsyncEngine:
    dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)

    async def connect() -> Any:
        # Here, because importing it costs INIT where the books are in SQLite.
        import asyncpg  # type: ignore[import-untyped]  # noqa: PLC0415

        if url.password is not None:
            return await asyncpg.connect(dsn)
        try:
            return await asyncpg.connect(dsn, password=(await secrets.get()).db_password.get_secret_value())
        except asyncpg.InvalidPasswordError:
            # The password was rotated since the secret was read.
            return await asyncpg.connect(dsn, password=(await secrets.refetch()).db_password.get_secret_value())

    # An environment serves one event at a time, so a few connections do; before each use the connection is tried,
    # as the server may have closed it while the environment was frozen.
    return create_async_engine(url, async_creator=connect, pool_size=1, max_overflow=4, pool_pre_ping=True)
