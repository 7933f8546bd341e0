"""Which tokens a JWT authorizer lets through, and what it says of the others."""

from __future__ import annotations

import asyncio
import json
import re
import time

import jwt
import pytest
from token_issuer import AUDIENCE, TokenIssuer

from fastlambda_cli.local.http.authorizing import Authorized, Refused
from fastlambda_cli.local.http.issuers import KEPT_S, LOOK_AGAIN_S, Issuers, UnreachableError
from fastlambda_cli.local.http.jwt_authorizer import JwtAuthorizer
from fastlambda_cli.local.http.request import HttpRequest

URL = "https://login.example.com"


@pytest.fixture
def issuer():
    return TokenIssuer(URL)


@pytest.fixture
def authorize(issuer):
    """`authorize(token, scopes=..., ...)`: what the authorizer says of a request."""

    async def fetch(url):
        return json.dumps(issuer.document(url)).encode()

    def decide(token=None, *, headers=None, query="", **settings):
        headers = [("authorization", token)] if headers is None and token else (headers or [])
        authorizer = JwtAuthorizer(**{"issuers": Issuers(fetch), "issuer": URL, "audience": (AUDIENCE,)} | settings)
        request = HttpRequest("GET", "/", query, tuple(headers), "127.0.0.1", 8000, "HTTP/1.1", 100)
        return asyncio.run(authorizer(request, "id"))

    return decide


def said(refused):
    """The description in `www-authenticate`."""
    assert isinstance(refused, Refused), refused
    assert (refused.answer.status, refused.answer.body) == (401, b'{"message":"Unauthorized"}')
    challenge = dict(refused.answer.headers)["www-authenticate"]
    return re.fullmatch(r'Bearer scope="" error="invalid_token" error_description="([^"]+)"', challenge)[1]


def test_a_valid_token_passes_with_its_claims_as_text(issuer, authorize):
    groups = {"groups": ["admin", "editor"], "age": 9, "active": True, "nothing": None, "at": {"b": [1]}}

    found = authorize(f"Bearer {issuer.token(sub='momo', iat=1, exp=4102444800, **groups)}")

    assert found == Authorized(
        {
            "jwt": {
                "claims": {
                    "iss": URL,
                    "aud": AUDIENCE,
                    "sub": "momo",
                    "iat": "1",
                    "exp": "4102444800",
                    "groups": "[admin editor]",
                    "age": "9",
                    "active": "true",
                    "at": '{"b":[1]}',
                },
                "scopes": None,
            }
        }
    )


@pytest.mark.parametrize("prefix", ["", "Bearer ", "bearer "])
def test_the_token_may_stand_alone_or_after_bearer(issuer, authorize, prefix):
    assert isinstance(authorize(prefix + issuer.token()), Authorized)


def test_the_token_may_be_in_another_header_or_in_the_query(issuer, authorize):
    token = issuer.token()

    assert isinstance(authorize(headers=[("x-token", token)], source="$request.header.X-Token"), Authorized)
    assert isinstance(authorize(query=f"a=1&token={token}", source="$request.querystring.token"), Authorized)


def test_without_a_token_the_client_is_told_what_to_bring(authorize):
    refused = authorize()

    assert (refused.answer.status, refused.answer.body) == (401, b'{"message":"Unauthorized"}')
    assert dict(refused.answer.headers)["www-authenticate"] == "Bearer"


WRONG = {
    "no token at all": (lambda _: "momo", "token contains an invalid number of segments"),
    "no header": (lambda _: "a.b.c", "the token cannot be decoded"),
    "a shared secret": (
        lambda _: jwt.encode({"iss": URL}, "k" * 32, "HS256", {"kid": "first"}),
        "signing method HS256 is invalid",
    ),
    "no signature": (lambda _: jwt.encode({"iss": URL}, None, "none"), "signing method none is invalid"),
    "a key that the issuer has not": (lambda issuer: issuer.token(kid="other"), "none of the issuer's keys"),
    "a stranger's key": (lambda issuer: issuer.token(signed_as="stranger"), "verification error"),
    "another issuer": (lambda issuer: issuer.token(iss="https://evil.example"), "issuer does not match"),
    "another audience": (lambda issuer: issuer.token(aud="shop"), "the token does not have a valid audience"),
    "no audience": (lambda issuer: issuer.token(aud=None), "the token does not have a valid audience"),
    "an audience that counts before client_id": (
        lambda issuer: issuer.token(aud="shop", client_id=AUDIENCE),
        "the token does not have a valid audience",
    ),
    "yesterday's": (lambda issuer: issuer.token(exp=int(time.time()) - 1), "the token has expired"),
    "endless": (lambda issuer: issuer.token(exp=None), "exp"),
    "tomorrow's": (lambda issuer: issuer.token(nbf=int(time.time()) + 999), "not yet valid"),
    "issued tomorrow": (lambda issuer: issuer.token(iat=int(time.time()) + 999), "not yet valid"),
}


@pytest.mark.parametrize(("make", "why"), WRONG.values(), ids=WRONG)
def test_a_token_that_is_wrong_is_refused_and_the_client_told_why(issuer, authorize, make, why):
    assert why in said(authorize(make(issuer)))


def test_what_a_stranger_puts_into_a_token_cannot_end_the_header(authorize):
    header = jwt.utils.base64url_encode(json.dumps({"alg": 'x"\r\nset-cookie: a=1'}).encode()).decode()

    assert said(authorize(f"{header}.e30.")) == "signing method x'''set-cookie: a=1 is invalid"


def test_one_of_several_audiences_is_enough_and_client_id_stands_in_for_none(issuer, authorize):
    assert isinstance(authorize(issuer.token(aud=["shop", AUDIENCE])), Authorized)
    assert isinstance(authorize(issuer.token(aud=None, client_id=AUDIENCE)), Authorized)


@pytest.mark.parametrize("claim", [{"scope": "read write"}, {"scp": ["read", "write"]}, {"scope": ["read", "write"]}])
def test_one_of_the_routes_scopes_is_enough(issuer, authorize, claim):
    found = authorize(issuer.token(**claim), scopes=("admin", "write"))

    assert found.context["jwt"]["scopes"] == ["read", "write"]


def test_a_token_without_any_of_the_scopes_is_forbidden(issuer, authorize):
    refused = authorize(issuer.token(scope="read"), scopes=("admin", "write"))

    assert (refused.answer.status, refused.answer.body) == (403, b'{"message":"Forbidden"}')
    assert 'scope="admin write" error="insufficient_scope"' in dict(refused.answer.headers)["www-authenticate"]


def test_an_issuer_that_does_not_answer_is_named_in_the_log(issuer, authorize):
    async def unreachable(_):
        raise UnreachableError("connection refused")

    refused = authorize(issuer.token(), issuers=Issuers(unreachable))

    assert said(refused) == "OIDC discovery endpoint communication error"
    assert f"{URL}/.well-known/openid-configuration: connection refused" in refused.answer.error


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({}, "OIDC discovery endpoint communication error"),
        ([], "OIDC discovery endpoint communication error"),
        ({"jwks_uri": URL}, "JWKS communication error"),
    ],
)
def test_documents_that_say_something_else_are_no_keys(issuer, authorize, document, text):
    async def fetch(_):
        return json.dumps(document).encode()

    assert said(authorize(issuer.token(), issuers=Issuers(fetch))) == text


@pytest.mark.parametrize("key", [{"kty": "RSA", "n": "?", "e": "AQAB"}, {"kty": "EC"}, {}])
def test_a_key_that_cannot_be_used_refuses_the_token(issuer, authorize, key):
    async def fetch(url):
        return json.dumps({"jwks_uri": url, "keys": [key | {"kid": "first"}]}).encode()

    assert said(authorize(issuer.token(), issuers=Issuers(fetch)))


def test_keys_are_kept_for_two_hours_and_looked_for_again_when_one_is_missing(issuer):
    now = 0.0

    async def fetch(url):
        return json.dumps(issuer.document(url)).encode()

    async def scenario():
        nonlocal now
        issuers = Issuers(fetch, clock=lambda: now)

        async def asked(key):
            issuer.asked.clear()
            found = await asyncio.gather(issuers.key(URL, key), issuers.key(URL, key))
            return found[0] is not None, len(issuer.asked)

        assert await asked("first") == (True, 2)
        now = KEPT_S - 1
        assert await asked("first") == (True, 0)
        now = KEPT_S
        assert await asked("first") == (True, 2)
        issuer.key = "second"
        assert await asked("second") == (False, 0)
        now += LOOK_AGAIN_S
        assert await asked("second") == (True, 2)

    asyncio.run(scenario())
