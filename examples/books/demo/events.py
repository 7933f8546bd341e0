"""What the service publishes and what it consumes: the other half of the app, behind the same dependencies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from demo import books
from demo.announcements import Announce
from demo.schemas import BookImport, BookRead, PriceChange
from demo.session import Session
from fastlambda import EventRouter
from fastlambda.events import ScheduledEvent

logger = Logger()
metrics = Metrics()

events = EventRouter()
queue = events.queue("book-imports", BookImport)
topic = events.topic("price-changes", PriceChange)
bus = events.bus(source="fastapi-books")


class Published:
    """Announcements over the queue, the bus and the topic."""

    async def imports(self, books: Sequence[BookImport]) -> None:
        """Send each to the queue."""
        await queue.send_many(books)

    async def book_created(self, book: BookRead) -> None:
        """Put BookCreated on the bus."""
        await bus.put("BookCreated", book)

    async def price_changed(self, change: PriceChange) -> None:
        """Publish to the topic, whose subscribers choose by currency."""
        await topic.publish(change, attributes={"currency": change.currency})


@events.sqs("book-imports", batch_size=100, window=1)
async def import_book(book: BookImport, session: Session, announce: Announce) -> None:
    """Create a book, unless it was created when this message was delivered before."""
    if await books.read(session, book.id) is None:
        await books.create(session, book, announce)
        metrics.add_metric(name="BooksImported", unit=MetricUnit.Count, value=1)
        logger.info("Imported a book", extra={"book_id": str(book.id)})


@events.eventbridge(source="fastapi-books", detail_type="BookCreated")
async def book_created(book: BookRead) -> None:
    """Take note of a new book: where a newsletter or a search index would hear of it."""
    logger.info("A book is new", extra={"book_id": str(book.id)})


@events.sns("price-changes", filter_policy={"currency": ["EUR"]})
async def price_changed(change: PriceChange) -> None:
    """Take note of a new price in euros."""
    logger.info("A price has changed", extra={"book_id": str(change.book_id), "amount": str(change.amount)})


@events.schedule("cron(0 3 * * ? *)", name="nightly-report")
async def report(event: ScheduledEvent, session: Session) -> None:
    """Count the books, and those of the last day."""
    total, new = await books.count(session, since=event.time - timedelta(days=1))
    metrics.add_metric(name="Books", unit=MetricUnit.Count, value=total)
    logger.info("Nightly report", extra={"books": total, "new_books": new})
