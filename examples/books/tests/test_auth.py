"""Who may write, and what the others are told (RFC 6750)."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING

import jwt
import pytest

from .conftest import token, versioned

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from httpx2 import Response

    from .conftest import Vault

BOOKS = "/api/v1/books"
DUNE = {"title": "Dune", "author": "Frank Herbert", "year": 1965}
REALM = 'Bearer realm="fastapi-books"'

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def post(client: TestClient, authorization: str | None) -> Response:
    headers = {} if authorization is None else {"Authorization": authorization}
    return client.post(BOOKS, json=DUNE, headers=headers)


def assert_invalid(answer: Response) -> None:
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith(f'{REALM}, error="invalid_token", error_description=')


@pytest.mark.parametrize("authorization", [None, "Basic dXNlcjpwdw=="])
def test_without_a_token_the_challenge_has_no_error_code(client: TestClient, authorization: str | None) -> None:
    answer = post(client, authorization)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == REALM


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_every_write_needs_a_token(client: TestClient, method: str) -> None:
    assert client.request(method, f"{BOOKS}/7b1f4e0e-6f6c-4a53-9b53-0d9a2c9d3a11", json={}).status_code == 401


def test_reading_needs_none(client: TestClient) -> None:
    assert client.get(BOOKS).status_code == 200


def test_who_may_not_write_does_not_learn_what_is_wrong_with_the_book(client: TestClient) -> None:
    assert client.post(BOOKS, json={"title": 1}).status_code == 401


@pytest.mark.parametrize("text", ["Bearer", "Bearer not-a-token", "Bearer a.b.c", "bearer  x y"])
def test_a_malformed_token_is_refused(client: TestClient, text: str) -> None:
    assert post(client, text).status_code == 401


def test_an_expired_token_is_refused_and_told_so(client: TestClient, vault: Vault) -> None:
    answer = post(client, "Bearer " + token(vault.cached, exp=int(time.time()) - 1))
    assert_invalid(answer)
    assert "expired" in answer.headers["www-authenticate"]


@pytest.mark.parametrize("claims", [{"exp": None}, {"exp": "tomorrow"}, {"nbf": int(time.time()) + 3600}])
def test_a_token_that_never_ends_or_is_not_yet_good_is_refused(
    client: TestClient, vault: Vault, claims: dict[str, object]
) -> None:
    assert_invalid(post(client, "Bearer " + token(vault.cached, **claims)))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_is_refused_even_with_the_right_key(client: TestClient, vault: Vault, algorithm: str) -> None:
    key = vault.cached.jwt_secret.get_secret_value() * 2
    claims = {"roles": ["Books.Write"], "exp": int(time.time()) + 60}
    assert_invalid(post(client, "Bearer " + jwt.encode(claims, key, algorithm)))


def test_an_unsigned_token_is_refused(client: TestClient, vault: Vault) -> None:
    _, claims, signature = token(vault.cached).split(".")
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).decode().rstrip("=")
    assert_invalid(post(client, f"Bearer {header}.{claims}."))
    assert_invalid(post(client, f"Bearer {header}.{claims}.{signature}"))


@pytest.mark.parametrize("roles", [None, [], ["Books.Read"], ["books.write"], "Books.Write", {"Books.Write": True}])
def test_a_good_token_without_the_role_is_forbidden(client: TestClient, vault: Vault, roles: object) -> None:
    answer = post(client, "Bearer " + token(vault.cached, roles=roles))
    assert answer.status_code == 403
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith(f'{REALM}, error="insufficient_scope", scope="Books.Write"')


def test_the_scheme_is_taken_in_any_case(client: TestClient, vault: Vault) -> None:
    assert post(client, "bEARER " + token(vault.cached)).status_code == 201


def test_during_a_rotation_the_previous_key_is_accepted_without_a_refetch(client: TestClient, vault: Vault) -> None:
    vault.before = versioned("old!")
    assert post(client, "Bearer " + token(vault.before)).status_code == 201
    assert vault.refetches == 0


def test_a_key_newer_than_the_cached_one_is_fetched(client: TestClient, vault: Vault) -> None:
    vault.current = versioned("new!")
    assert post(client, "Bearer " + token(vault.current)).status_code == 201
    assert vault.refetches == 1


def test_an_unknown_key_is_refused_after_one_refetch(client: TestClient, vault: Vault) -> None:
    vault.before = versioned("old!")
    assert_invalid(post(client, "Bearer " + token(versioned("evil"))))
    assert vault.refetches == 1


def test_an_expired_token_needs_no_refetch(client: TestClient, vault: Vault) -> None:
    post(client, "Bearer " + token(vault.cached, exp=1))
    assert vault.refetches == 0
