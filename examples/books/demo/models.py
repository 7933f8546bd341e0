"""The tables."""

from __future__ import annotations

import unicodedata
import uuid
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import DateTime, Dialect, Index, Numeric, SmallInteger, String, Text, Uuid
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC, aware in Python; SQLite has no time zones and would return it naive."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Store the moment in UTC."""
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the moment in UTC, aware."""
        return value and (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)


class Base(DeclarativeBase):
    """The root of the mapped classes."""


class Book(Base):
    """A book; title and author are kept a second time as `folded` has them, for a search in any case."""

    __tablename__ = "books"

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    title: Mapped[str] = mapped_column(String(200))
    author: Mapped[str] = mapped_column(String(100))
    year: Mapped[int] = mapped_column(SmallInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=lambda: datetime.now(UTC))
    title_folded: Mapped[str] = mapped_column(Text)
    author_folded: Mapped[str] = mapped_column(Text)


class BookPrice(Base):
    """What a book costs; a book without a price has no row."""

    __tablename__ = "prices"

    book_id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    amount: Mapped[Decimal] = mapped_column(Numeric(10, 2, asdecimal=True))
    currency: Mapped[str] = mapped_column(String(3))


# The order of every list. SQLite also searches in it: 100,000 rows in index order are eight times faster to scan than
# 100,000 rows looked up from an index. PostgreSQL scans the table, and its index rows may not hold two long texts.
_NEWEST_FIRST = (Book.created_at.desc(), Book.id)
Index("ix_books_newest", *_NEWEST_FIRST).ddl_if(dialect="postgresql")
Index("ix_books_newest", *_NEWEST_FIRST, Book.title_folded, Book.author_folded).ddl_if(dialect="sqlite")


def folded(text: str) -> str:
    """Return text as the search compares it: no case, one form of every accent, in any script.

    In Python, because SQLite's lower() knows ASCII alone and PostgreSQL's depends on the database's locale.
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
