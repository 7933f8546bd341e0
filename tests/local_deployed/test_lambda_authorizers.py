"""Lambda authorizers of deployed HTTP APIs."""

from __future__ import annotations

import pytest
from deployed_apis import permit

DECIDE = """
    def handler(event, context):
        token = event["headers"]["authorization"]
        if token == "broken":
            raise LookupError("no database")
        return {"isAuthorized": token == "secret", "context": {"user": "momo", "asked": event["routeArn"]}}
"""


@pytest.fixture(scope="module")
def decider(aws):
    name = aws.create(DECIDE)
    return aws.lambda_.get_function(FunctionName=name)["Configuration"]["FunctionArn"]


@pytest.fixture
def guarded(aws, api, decider):
    """`guarded()`: an API before which a function decides."""

    def make(*, permitted=True, **settings):
        authorizer = {
            "AuthorizerType": "REQUEST",
            "IdentitySource": ["$request.header.Authorization"],
            "AuthorizerUri": f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{decider}/invocations",
            "AuthorizerPayloadFormatVersion": "2.0",
            "EnableSimpleResponses": True,
            "AuthorizerResultTtlInSeconds": 0,
        }
        books = api("GET /books/{id}", route={"AuthorizationType": "CUSTOM"}, authorizer=authorizer | settings)
        if permitted:
            (made,) = aws.client("apigatewayv2").get_authorizers(ApiId=books.id)["Items"]
            permit(aws, decider, f"{books.id}/authorizers/{made['AuthorizerId']}")
        return books

    return make


def test_the_function_decides_and_tells_the_other_who_asks(guarded):
    books = guarded()

    event = books.event("GET", "/books/7", headers={"Authorization": "secret"})
    wrong = books("GET", "/books/7", headers={"Authorization": "guessed"})

    route = f"arn:aws:execute-api:us-east-1:000000000000:{books.id}/$default/GET/books/7"
    assert event["requestContext"]["authorizer"] == {"lambda": {"user": "momo", "asked": route}}
    assert (wrong.status_code, wrong.json()) == (403, {"message": "Forbidden"})
    assert books("GET", "/books/7").status_code == 401
    assert books("GET", "/books/7", headers={"Authorization": "broken"}).status_code == 500


def test_the_function_needs_a_permission_for_its_authorizer(guarded):
    answer = guarded(permitted=False)("GET", "/books/7", headers={"Authorization": "secret"})

    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})


def test_an_authorizer_without_a_function_lets_nobody_pass(guarded):
    answer = guarded(permitted=False, AuthorizerUri="arn:aws:none")(
        "GET", "/books/7", headers={"Authorization": "secret"}
    )

    assert answer.status_code == 501
