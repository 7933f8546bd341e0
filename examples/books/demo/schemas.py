"""What the API accepts and answers."""

from __future__ import annotations

import unicodedata
import uuid  # pydantic reads these annotations
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator
from pydantic.json_schema import SkipJsonSchema


def _one_line(text: str) -> str:
    # Control characters (PostgreSQL stores no NUL), lone surrogates (no UTF-8 has them), and line separators.
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in text):
        raise ValueError("must be one line without control characters")
    return text


_OneLine = AfterValidator(_one_line)
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), _OneLine]
Author = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), _OneLine]
SearchText = Title
Year = Annotated[int, Field(strict=True, ge=1450, le=2100)]

# OFFSET is a signed 64-bit number in SQLite and in PostgreSQL.
Skip = Annotated[int, Field(ge=0, le=2**63 - 1, description="How many books to leave out")]
Limit = Annotated[int, Field(ge=1, le=100, description="How many books to return at most")]


class BookCreate(BaseModel):
    """A new book."""

    model_config = ConfigDict(extra="forbid")

    title: Title
    author: Author
    year: Year


class BookUpdate(BaseModel):
    """What to change of a book; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    title: Title | SkipJsonSchema[None] = None
    author: Author | SkipJsonSchema[None] = None
    year: Year | SkipJsonSchema[None] = None

    @field_validator("*", mode="before")
    @classmethod
    def _not_null(cls, value: object) -> object:
        if value is None:
            raise ValueError("may be left out but must not be null")
        return value


class BookRead(BaseModel):
    """A book as the API returns it."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    title: str
    author: str
    year: int
    created_at: datetime


class BookPage(BaseModel):
    """A page of books, newest first, and how many there are in all."""

    items: list[BookRead]
    total: int
    skip: int
    limit: int


Amount = Annotated[Decimal, Field(ge=0, max_digits=10, decimal_places=2)]
Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]


class Price(BaseModel):
    """What a book costs; the currency is that of ISO 4217."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    amount: Amount
    currency: Currency


class PriceChange(Price):
    """A new price, as the topic tells it."""

    book_id: uuid.UUID


class BookImport(BookCreate):
    """A book on its way through the queue; its id tells a message that is delivered again."""

    id: uuid.UUID = Field(default_factory=uuid.uuid4)


class ImportAccepted(BaseModel):
    """The ids that the books will have."""

    ids: list[uuid.UUID]
