"""JWT authorizers of deployed HTTP APIs, with an issuer on this machine and with a user pool of Amazon Cognito."""

from __future__ import annotations

import pytest
from background import eventually
from token_issuer import AUDIENCE, running_issuer

from fastlambda_cli.local.model import HttpExchange

ORIGIN = "http://localhost:3000"


@pytest.fixture(scope="module")
def issuer():
    with running_issuer() as issuer:
        yield issuer


@pytest.fixture
def guarded(api):
    """`guarded(issuer_url, audience)`: an API that lets users of an issuer pass."""

    def make(url, audience, *routes, scopes=(), **settings):
        authorizer = {
            "AuthorizerType": "JWT",
            "IdentitySource": ["$request.header.Authorization"],
            "JwtConfiguration": {"Issuer": url, "Audience": [audience]},
        }
        route = {"AuthorizationType": "JWT", "AuthorizationScopes": list(scopes)}
        return api(*routes, route=route, authorizer=authorizer, **settings)

    return make


def bearing(token):
    return {"Authorization": f"Bearer {token}"}


def test_a_token_of_an_issuer_on_this_machine_passes_and_others_do_not(aws, issuer, guarded):
    books = guarded(issuer.url, AUDIENCE)
    aws.told.clear()

    event = books.event("GET", "/books", headers=bearing(issuer.token(scope="read")))
    without = books("GET", "/books")

    assert event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] == "momo"
    assert event["requestContext"]["authorizer"]["jwt"]["scopes"] is None
    assert (without.status_code, without.json()) == (401, {"message": "Unauthorized"})
    told = eventually(lambda: [each for each in aws.heard(HttpExchange) if each.error])
    assert told[0].error == "the JWT authorizer refuses the request: there is no token in $request.header.Authorization"
    assert told[0].request_id is None


def test_a_route_may_want_one_of_some_scopes(issuer, guarded):
    books = guarded(issuer.url, AUDIENCE, scopes=["books/write"])

    allowed = books.event("GET", headers=bearing(issuer.token(scope="books/read books/write")))
    forbidden = books("GET", headers=bearing(issuer.token(scope="books/read")))

    assert allowed["requestContext"]["authorizer"]["jwt"]["scopes"] == ["books/read", "books/write"]
    assert (forbidden.status_code, forbidden.json()) == (403, {"message": "Forbidden"})


def test_an_issuer_that_is_not_there_lets_nobody_pass(issuer, guarded):
    answer = guarded("http://127.0.0.1:9", AUDIENCE)("GET", headers=bearing(issuer.token()))

    assert answer.status_code == 401
    assert "OIDC discovery endpoint communication error" in answer.headers["www-authenticate"]


def test_an_authorizer_that_is_gone_lets_nobody_pass(aws, issuer, guarded):
    books = guarded(issuer.url, AUDIENCE)
    gateway = aws.client("apigatewayv2")
    (authorizer,) = gateway.get_authorizers(ApiId=books.id)["Items"]

    gateway.delete_authorizer(ApiId=books.id, AuthorizerId=authorizer["AuthorizerId"])

    assert books("GET", headers=bearing(issuer.token())).status_code == 501


def test_tokens_of_a_user_pool_pass(aws, guarded):
    cognito = aws.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="readers")["UserPool"]["Id"]
    flows = ["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
    client = cognito.create_user_pool_client(UserPoolId=pool, ClientName="shop", ExplicitAuthFlows=flows)
    client_id = client["UserPoolClient"]["ClientId"]
    cognito.admin_create_user(UserPoolId=pool, Username="momo", MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username="momo", Password="Cassiopeia-1", Permanent=True)
    tokens = cognito.admin_initiate_auth(
        UserPoolId=pool,
        ClientId=client_id,
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "momo", "PASSWORD": "Cassiopeia-1"},
    )["AuthenticationResult"]

    issuer = f"https://cognito-idp.us-east-1.amazonaws.com/{pool}"
    books = guarded(issuer, client_id)

    by_id = books.event("GET", headers=bearing(tokens["IdToken"]))["requestContext"]["authorizer"]["jwt"]["claims"]
    by_access = books.event("GET", headers=bearing(tokens["AccessToken"]))["requestContext"]["authorizer"]["jwt"]
    assert (by_id["aud"], by_id["token_use"], by_id["iss"]) == (client_id, "id", issuer)
    assert (by_access["claims"]["client_id"], by_access["claims"]["username"]) == (client_id, "momo")
    assert guarded(issuer, "another client")("GET", headers=bearing(tokens["IdToken"])).status_code == 401


@pytest.mark.parametrize(
    ("routes", "status"),
    [(["$default"], 401), (["ANY /{proxy+}"], 401), (["GET /books"], 204)],
)
def test_a_preflight_is_asked_for_a_token_where_the_route_with_the_authorizer_takes_it(issuer, guarded, routes, status):
    books = guarded(issuer.url, AUDIENCE, *routes, CorsConfiguration={"AllowOrigins": [ORIGIN]})

    answer = books("OPTIONS", "/books", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "GET"})

    assert answer.status_code == status


def test_a_page_may_read_why_it_is_refused(issuer, guarded):
    books = guarded(issuer.url, AUDIENCE, CorsConfiguration={"AllowOrigins": [ORIGIN]})

    answer = books("GET", "/", headers={"Origin": ORIGIN})

    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, ORIGIN)
