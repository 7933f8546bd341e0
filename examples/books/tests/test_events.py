"""What the API tells others, and what comes of messages and schedules, on either database."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from demo.events import import_book, report
from demo.schemas import BookImport
from fastlambda.events import ScheduledEvent

from .conftest import Told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI
    from fastapi.testclient import TestClient

BOOKS = "/api/v1/books"
DUNE = {"title": "Dune", "author": "Frank Herbert", "year": 1965}
EURO = {"amount": "9.90", "currency": "EUR"}


@pytest.fixture
def book(client: TestClient, writer: Mapping[str, str]) -> dict[str, Any]:
    answer: dict[str, Any] = client.post(BOOKS, json=DUNE, headers=writer).json()
    return answer


def in_the_loop_of(client: TestClient, work: Any) -> Any:
    """Run a coroutine function where the app's connections are."""
    assert client.portal is not None
    return client.portal.call(work)


def test_a_new_book_is_told_of(book: dict[str, Any], told: Told) -> None:
    [created] = told.books
    assert created.model_dump(mode="json") == book


def test_a_book_that_nobody_can_be_told_of_is_not_stored(
    client: TestClient, writer: Mapping[str, str], told: Told
) -> None:
    told.fails = True
    with pytest.raises(ConnectionError):
        client.post(BOOKS, json=DUNE, headers=writer)
    assert client.get(BOOKS).json()["total"] == 0


def test_imports_are_queued_under_the_ids_that_are_answered(
    client: TestClient, writer: Mapping[str, str], told: Told
) -> None:
    answer = client.post(f"{BOOKS}/imports", json=[DUNE, DUNE], headers=writer)
    assert answer.status_code == 202
    assert answer.json() == {"ids": [str(each.id) for each in told.queued]}
    assert [each.title for each in told.queued] == ["Dune", "Dune"]
    assert client.get(BOOKS).json()["total"] == 0


@pytest.mark.parametrize("books", [[], [DUNE] * 1001, [DUNE | {"year": 1}], [DUNE | {"id": str(uuid.uuid4())}]])
def test_imports_of_none_of_too_many_and_of_what_is_no_book_are_refused(
    client: TestClient, writer: Mapping[str, str], told: Told, books: list[object]
) -> None:
    assert client.post(f"{BOOKS}/imports", json=books, headers=writer).status_code == 422
    assert told.queued == []


def test_a_message_that_is_delivered_twice_is_one_book_and_is_told_of_once(
    client: TestClient, app: FastAPI, told: Told
) -> None:
    message = BookImport.model_validate(DUNE)

    async def deliver() -> None:
        async with app.state.database.session() as session:
            await import_book(message, session, told)

    for _ in range(2):
        in_the_loop_of(client, deliver)
    assert client.get(f"{BOOKS}/{message.id}").json()["title"] == "Dune"
    assert [each.id for each in told.books] == [message.id]


def test_a_price_is_kept_and_a_change_of_it_is_told_of(
    client: TestClient, writer: Mapping[str, str], told: Told, book: dict[str, Any]
) -> None:
    path = f"{BOOKS}/{book['id']}/price"
    assert client.get(path).status_code == 404
    for price in (EURO, EURO, EURO | {"amount": "8.50"}):
        assert client.put(path, json=price, headers=writer).json() == price
    assert client.get(path).json() == {"amount": "8.50", "currency": "EUR"}
    assert [(change.amount, str(change.book_id)) for change in told.prices] == [
        (Decimal("9.90"), book["id"]),
        (Decimal("8.50"), book["id"]),
    ]
    assert client.delete(f"{BOOKS}/{book['id']}", headers=writer).status_code == 204
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("price", [{"amount": "-1", "currency": "EUR"}, {"amount": "1.999", "currency": "EUR"}, {}])
def test_a_price_that_is_none_is_refused(
    client: TestClient, writer: Mapping[str, str], told: Told, book: dict[str, Any], price: object
) -> None:
    assert client.put(f"{BOOKS}/{book['id']}/price", json=price, headers=writer).status_code == 422
    assert client.put(f"{BOOKS}/{uuid.uuid4()}/price", json=EURO, headers=writer).status_code == 404
    assert told.prices == []


@pytest.mark.parametrize(("later", "new"), [(timedelta(0), 1), (timedelta(days=2), 0)])
def test_the_report_counts_the_books_and_those_of_the_last_day(
    client: TestClient,
    app: FastAPI,
    book: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    later: timedelta,
    new: int,
) -> None:
    del book

    async def run() -> None:
        async with app.state.database.session() as session:
            await report(ScheduledEvent(id="1", time=datetime.now(UTC) + later, arn="arn"), session)

    in_the_loop_of(client, run)
    [record] = [record for record in caplog.records if record.getMessage() == "Nightly report"]
    assert (vars(record)["books"], vars(record)["new_books"]) == (1, new)


def test_a_writer_alone_may_import_and_set_prices(client: TestClient, told: Told, book: dict[str, Any]) -> None:
    assert client.post(f"{BOOKS}/imports", json=[DUNE]).status_code == 401
    assert client.put(f"{BOOKS}/{book['id']}/price", json=EURO).status_code == 401
    assert (told.queued, told.prices) == ([], [])
