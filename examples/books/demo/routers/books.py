"""/api/v1/books."""

from __future__ import annotations

import uuid  # FastAPI reads these annotations
from typing import Annotated

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response, status
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from demo import books
from demo.announcements import Announce
from demo.auth import may_write
from demo.models import Book, BookPrice
from demo.schemas import (
    BookCreate,
    BookImport,
    BookPage,
    BookRead,
    BookUpdate,
    ImportAccepted,
    Limit,
    Price,
    SearchText,
    Skip,
)
from demo.session import Session

logger = Logger()
metrics = Metrics()

router = APIRouter(prefix="/api/v1/books", tags=["books"])


@router.get("")
async def list_books(session: Session, skip: Skip = 0, limit: Limit = 20) -> BookPage:
    """List the books, newest first."""
    return await _page(session, skip, limit)


@router.get("/search")
async def search_books(
    session: Session,
    q: Annotated[SearchText, Query(description="Looked for in title and author, in any case")],
    skip: Skip = 0,
    limit: Limit = 20,
) -> BookPage:
    """Search the books, newest first."""
    return await _page(session, skip, limit, q)


@router.post("", status_code=status.HTTP_201_CREATED, dependencies=[Depends(may_write)])
async def create_book(
    new: BookCreate, session: Session, announce: Announce, request: Request, response: Response
) -> BookRead:
    """Create a book; the Location header says where it is."""
    book = await books.create(session, new, announce)
    metrics.add_metric(name="BooksCreated", unit=MetricUnit.Count, value=1)
    # The path alone: it carries the stage or base path that the gateway took off, and trusts no Host header.
    response.headers["Location"] = request.url_for("read_book", book_id=book.id).path
    return book


@router.post("/imports", status_code=status.HTTP_202_ACCEPTED, dependencies=[Depends(may_write)])
async def import_books(
    new: Annotated[list[BookCreate], Field(min_length=1, max_length=1000)], announce: Announce
) -> ImportAccepted:
    """Queue many books; each will be there a little later, under the id that is answered here."""
    wanted = [BookImport(**book.model_dump()) for book in new]
    await announce.imports(wanted)
    return ImportAccepted(ids=[book.id for book in wanted])


@router.get("/{book_id}")
async def read_book(book_id: uuid.UUID, session: Session) -> BookRead:
    """Read a book."""
    logger.info("Fetching book", extra={"book_id": str(book_id)})
    return BookRead.model_validate(_found(await books.read(session, book_id), book_id))


@router.patch("/{book_id}", dependencies=[Depends(may_write)])
async def update_book(book_id: uuid.UUID, changes: BookUpdate, session: Session) -> BookRead:
    """Change some of a book."""
    return BookRead.model_validate(_found(await books.change(session, book_id, changes), book_id))


@router.delete("/{book_id}", status_code=status.HTTP_204_NO_CONTENT, dependencies=[Depends(may_write)])
async def delete_book(book_id: uuid.UUID, session: Session) -> None:
    """Delete a book."""
    if not await books.remove(session, book_id):
        raise _missing(book_id)


@router.get("/{book_id}/price")
async def read_price(book_id: uuid.UUID, session: Session) -> Price:
    """Read what a book costs."""
    found = await session.get(BookPrice, book_id)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"There is no price of a book {book_id}")
    return Price.model_validate(found)


@router.put("/{book_id}/price", dependencies=[Depends(may_write)])
async def set_price(book_id: uuid.UUID, new: Price, session: Session, announce: Announce) -> Price:
    """Say what a book costs."""
    if not await books.price(session, book_id, new, announce):
        raise _missing(book_id)
    return new


async def _page(session: AsyncSession, skip: int, limit: int, query: str | None = None) -> BookPage:
    items, total = await books.page(session, skip=skip, limit=limit, query=query)
    return BookPage(items=[BookRead.model_validate(book) for book in items], total=total, skip=skip, limit=limit)


def _found(book: Book | None, book_id: uuid.UUID) -> Book:
    if book is None:
        raise _missing(book_id)
    return book


def _missing(book_id: uuid.UUID) -> HTTPException:
    return HTTPException(status.HTTP_404_NOT_FOUND, f"There is no book {book_id}")
