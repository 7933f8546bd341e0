"""What the service tells others: whatever offers these three calls, such as `demo.events.Published`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Protocol

from fastapi import Depends, Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from demo.schemas import BookImport, BookRead, PriceChange


class Announcements(Protocol):
    """Where the work goes that nobody waits for, and who else wants to know."""

    async def imports(self, books: Sequence[BookImport]) -> None:
        """Queue books, which will be created one by one."""
        ...

    async def book_created(self, book: BookRead) -> None:
        """Tell of a book that is about to be committed."""
        ...

    async def price_changed(self, change: PriceChange) -> None:
        """Tell of a price that is about to be committed."""
        ...


def _announcements(request: Request) -> Announcements:
    announcements: Announcements = request.app.state.announcements
    return announcements


Announce = Annotated[Announcements, Depends(_announcements)]
