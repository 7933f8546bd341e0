"""What a client of the API sees, on either database."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI

BOOKS = "/api/v1/books"
DUNE = {"title": "Dune", "author": "Frank Herbert", "year": 1965}


def created(client: TestClient, writer: Mapping[str, str], **changes: object) -> dict[str, Any]:
    answer = client.post(BOOKS, json=DUNE | changes, headers=writer)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_created_book_is_answered_whole_with_its_location(client: TestClient, writer: Mapping[str, str]) -> None:
    answer = client.post(BOOKS, json=DUNE, headers=writer)
    assert answer.status_code == 201
    book = answer.json()
    assert {name: book[name] for name in DUNE} == DUNE
    assert set(book) == {"id", "title", "author", "year", "created_at"}
    assert answer.headers["location"] == f"{BOOKS}/{book['id']}"
    assert client.get(answer.headers["location"]).json() == book


def test_the_location_carries_the_root_path_of_a_stage(app: FastAPI, writer: Mapping[str, str]) -> None:
    with TestClient(app, root_path="/prod") as client:
        answer = client.post(f"/prod{BOOKS}", json=DUNE, headers=writer)
        assert answer.headers["location"] == f"/prod{BOOKS}/{answer.json()['id']}"


def test_created_at_is_now_in_utc(client: TestClient, writer: Mapping[str, str]) -> None:
    moment = datetime.fromisoformat(created(client, writer)["created_at"])
    assert moment.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - moment) < timedelta(minutes=1)


def test_text_is_trimmed_and_kept_in_every_script(client: TestClient, writer: Mapping[str, str]) -> None:
    book = created(client, writer, title="  羅生門 📚 ", author="芥川\u00a0龍之介")
    assert (book["title"], book["author"]) == ("羅生門 📚", "芥川\u00a0龍之介")


@pytest.mark.parametrize(
    "changes",
    [
        {"title": ""},
        {"title": " \t\u2003"},
        {"title": "x" * 201},
        {"title": None},
        {"title": "a\u0000b"},
        {"title": "two\nlines"},
        {"author": "   "},
        {"author": "x" * 101},
        {"year": 1449},
        {"year": 2101},
        {"year": "1965"},
        {"year": 1965.5},
        {"year": None},
        {"id": "mine"},
        {"isbn": "unknown"},
    ],
)
def test_a_book_that_is_not_one_is_refused(
    client: TestClient, writer: Mapping[str, str], changes: dict[str, object]
) -> None:
    answer = client.post(BOOKS, json=DUNE | changes, headers=writer)
    assert answer.status_code == 422
    [error] = answer.json()["detail"]
    assert error["loc"] == ["body", *changes]
    assert client.get(BOOKS).json()["total"] == 0


@pytest.mark.parametrize(
    "body",
    ['{"title": "half a \\ud83d pair"}', '{"\\ud83d": 1}', '{"year": NaN}', '{"year": 1e999}', "{", "[]", "\ufeff"],
)
def test_json_that_cannot_be_repeated_is_refused_and_not_a_server_error(
    client: TestClient, writer: Mapping[str, str], body: str
) -> None:
    answer = client.post(BOOKS, content=body, headers={**writer, "Content-Type": "application/json"})
    assert answer.status_code == 422
    assert "input" not in answer.json()["detail"][0]


@pytest.mark.parametrize("changes", [{"title": "x" * 200, "author": "y" * 100}, {"year": 1450}, {"year": 2100}])
def test_the_bounds_themselves_are_allowed(
    client: TestClient, writer: Mapping[str, str], changes: dict[str, object]
) -> None:
    assert created(client, writer, **changes).items() >= changes.items()


def test_a_patch_changes_what_it_names_and_nothing_else(client: TestClient, writer: Mapping[str, str]) -> None:
    book = created(client, writer)
    path = f"{BOOKS}/{book['id']}"
    answer = client.patch(path, json={"title": "Dune Messiah", "year": 1969}, headers=writer)
    assert answer.status_code == 200
    assert answer.json() == book | {"title": "Dune Messiah", "year": 1969}
    assert client.get(path).json() == answer.json()
    assert client.get(f"{BOOKS}/search", params={"q": "messiah"}).json()["total"] == 1
    assert client.get(f"{BOOKS}/search", params={"q": "herbert"}).json()["total"] == 1


def test_an_empty_patch_changes_nothing(client: TestClient, writer: Mapping[str, str]) -> None:
    book = created(client, writer)
    assert client.patch(f"{BOOKS}/{book['id']}", json={}, headers=writer).json() == book


@pytest.mark.parametrize("changes", [{"title": None}, {"author": " "}, {"year": 3000}, {"id": "mine"}, {"titel": "x"}])
def test_a_patch_with_nulls_blanks_or_unknown_fields_is_refused(
    client: TestClient, writer: Mapping[str, str], changes: dict[str, object]
) -> None:
    book = created(client, writer)
    path = f"{BOOKS}/{book['id']}"
    assert client.patch(path, json=changes, headers=writer).status_code == 422
    assert client.get(path).json() == book


def test_a_deleted_book_is_gone(client: TestClient, writer: Mapping[str, str]) -> None:
    path = f"{BOOKS}/{created(client, writer)['id']}"
    answer = client.delete(path, headers=writer)
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get(path).status_code == 404
    assert client.delete(path, headers=writer).status_code == 404


def test_a_book_that_is_not_there_is_404(client: TestClient, writer: Mapping[str, str]) -> None:
    path = f"{BOOKS}/{uuid.uuid4()}"
    assert client.get(path).status_code == 404
    assert client.patch(path, json={"year": 2000}, headers=writer).status_code == 404


def test_an_id_that_is_no_uuid_is_refused(client: TestClient) -> None:
    assert client.get(f"{BOOKS}/42").status_code == 422


def test_pages_cover_every_book_once_newest_first(client: TestClient, writer: Mapping[str, str]) -> None:
    titles = [created(client, writer, title=f"Book {number}")["title"] for number in range(5)]
    pages = [client.get(BOOKS, params={"skip": skip, "limit": 2}).json() for skip in (0, 2, 4)]
    assert [book["title"] for page in pages for book in page["items"]] == titles[::-1]
    assert [(page["total"], page["skip"], page["limit"]) for page in pages] == [(5, 0, 2), (5, 2, 2), (5, 4, 2)]


def test_a_page_after_the_last_is_empty_and_still_knows_the_total(
    client: TestClient, writer: Mapping[str, str]
) -> None:
    created(client, writer)
    page = client.get(BOOKS, params={"skip": 2**63 - 1}).json()
    assert (page["items"], page["total"]) == ([], 1)


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 101}, {"limit": "all"}, {"skip": -1}, {"skip": 2**63}])
@pytest.mark.parametrize("path", [BOOKS, f"{BOOKS}/search?q=x"])
def test_a_page_out_of_bounds_is_refused(client: TestClient, path: str, query: dict[str, object]) -> None:
    url = path + ("&" if "?" in path else "?") + "&".join(f"{name}={value}" for name, value in query.items())
    assert client.get(url).status_code == 422


@pytest.mark.parametrize(
    ("q", "title"),
    [
        ("dUNE", "Dune"),
        ("HERB", "Dune"),
        ("война", "ВОЙНА И МИР"),
        ("STRASSE", "Die Straße"),
        ("e\u0301tranger", "L'Étranger"),
        ("100%", "100% Cotton"),
        ("snake_case", "A snake_case story"),
        ("back\\slash", "A back\\slash"),
        (" dune ", "Dune"),
    ],
)
def test_search_finds_title_and_author_in_any_case(
    client: TestClient, writer: Mapping[str, str], q: str, title: str
) -> None:
    created(client, writer, title=title)
    created(client, writer, title="1000 snakes in case", author="A back/slash")
    page = client.get(f"{BOOKS}/search", params={"q": q}).json()
    assert title in [book["title"] for book in page["items"]]


@pytest.mark.parametrize("q", ["%", "_", "D%e", "D_ne", "\\"])
def test_search_takes_no_wildcards(client: TestClient, writer: Mapping[str, str], q: str) -> None:
    created(client, writer)
    assert client.get(f"{BOOKS}/search", params={"q": q}).json()["total"] == 0


def test_search_does_not_match_across_title_and_author(client: TestClient, writer: Mapping[str, str]) -> None:
    created(client, writer)
    for q in ("Dune Frank", "DuneFrank"):
        assert client.get(f"{BOOKS}/search", params={"q": q}).json()["total"] == 0


@pytest.mark.parametrize("query", ["", "?q=", "?q=%20", "?q=a%00b", "?q=" + "x" * 201])
def test_search_without_a_proper_text_is_refused(client: TestClient, query: str) -> None:
    assert client.get(f"{BOOKS}/search{query}").status_code == 422


def test_health_and_readiness_are_ok(client: TestClient) -> None:
    for path in ("/health", "/ready"):
        assert client.get(path).json() == {"status": "ok"}
