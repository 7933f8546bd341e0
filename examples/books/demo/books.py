"""The queries: what the routes ask of the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, or_, select, update

from demo.models import Book, BookPrice, folded
from demo.schemas import BookRead, Price, PriceChange

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

    from demo.announcements import Announcements
    from demo.schemas import BookCreate, BookUpdate

_NEWEST_FIRST = (Book.created_at.desc(), Book.id)


async def page(session: AsyncSession, *, skip: int, limit: int, query: str | None = None) -> tuple[Sequence[Book], int]:
    """Return a page of the books, newest first, and how many match; `query` is looked for in title and author."""
    matches: list[ColumnElement[bool]] = []
    if query is not None:
        wanted = folded(query)
        found = (column.contains(wanted, autoescape=True) for column in (Book.title_folded, Book.author_folded))
        matches.append(or_(*found))
    # The keys of the page come from the index alone; without that, a late page reads every row before it.
    keys = select(Book.id).where(*matches).order_by(*_NEWEST_FIRST).offset(skip).limit(limit).subquery()
    books = await session.scalars(select(Book).join(keys, Book.id == keys.c.id).order_by(*_NEWEST_FIRST))
    total = await session.scalar(select(func.count()).select_from(Book).where(*matches))
    return books.all(), total or 0


async def create(session: AsyncSession, new: BookCreate, announce: Announcements) -> BookRead:
    """Store a book and tell of it.

    It is told before it is committed: what cannot be told is not stored, so that a client or a queue may try again.
    """
    book = Book(**_columns(new.model_dump()))
    session.add(book)
    await session.flush()
    created = BookRead.model_validate(book)
    await announce.book_created(created)
    await session.commit()
    return created


async def price(session: AsyncSession, book_id: uuid.UUID, new: Price, announce: Announcements) -> bool:
    """Store the price of a book, and tell of it if it is another one; False when there is no such book."""
    if await read(session, book_id) is None:
        return False
    old = await session.get(BookPrice, book_id)
    if old is None or Price.model_validate(old) != new:
        await session.merge(BookPrice(book_id=book_id, **new.model_dump()))
        await session.flush()
        await announce.price_changed(PriceChange(book_id=book_id, **new.model_dump()))
        await session.commit()
    return True


async def count(session: AsyncSession, since: datetime) -> tuple[int, int]:
    """Return how many books there are, and how many of them were created since a moment."""
    total = await session.scalar(select(func.count()).select_from(Book))
    new = await session.scalar(select(func.count()).select_from(Book).where(Book.created_at >= since))
    return total or 0, new or 0


async def read(session: AsyncSession, book_id: uuid.UUID) -> Book | None:
    """Return the book; None without one."""
    return await session.get(Book, book_id)


async def change(session: AsyncSession, book_id: uuid.UUID, changes: BookUpdate) -> Book | None:
    """Change the book and return it; None without one."""
    values = _columns(changes.model_dump(exclude_unset=True))
    if not values:
        return await read(session, book_id)
    # One statement: two changes at once cannot undo each other.
    book = await session.scalar(update(Book).where(Book.id == book_id).values(values).returning(Book))
    await session.commit()
    return book


async def remove(session: AsyncSession, book_id: uuid.UUID) -> bool:
    """Delete the book; False when there was none."""
    await session.execute(delete(BookPrice).where(BookPrice.book_id == book_id))
    found = await session.scalar(delete(Book).where(Book.id == book_id).returning(Book.id))
    await session.commit()
    return found is not None


def _columns(values: dict[str, Any]) -> dict[str, Any]:
    folded_too = {f"{name}_folded": folded(values[name]) for name in ("title", "author") if name in values}
    return values | folded_too
