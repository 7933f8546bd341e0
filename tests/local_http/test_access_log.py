"""What an access log says of a request."""

from __future__ import annotations

import asyncio
import json

import pytest

from fastlambda_cli.local.http import HttpApi
from fastlambda_cli.local.http.access_log import AccessLog
from fastlambda_cli.local.http.authorizing import Authorized, Refused
from fastlambda_cli.local.http.payload import Gateway, Match
from fastlambda_cli.local.http.response import message
from fastlambda_cli.local.http.routing import Route, TurnedAway
from fastlambda_cli.local.model import AccessLine, InvokeResult

GATEWAY = Gateway("books", "test")


@pytest.fixture
def logged():
    """`logged(format, ...)`: the line that a request leaves in the log, as the stage writes it."""

    def logged(format, *, returned=None, path="/test/books/7", turned_away=None, headers=(), **route):  # noqa: A002
        log = AccessLog(GATEWAY, "/books/access", format)
        told = []

        async def invoke(_):
            if isinstance(returned, InvokeResult):
                return returned
            return InvokeResult(json.dumps(returned or {"statusCode": 201, "body": "made"}).encode(), "invocation")

        async def router(_):
            if turned_away:
                return turned_away(log)
            return Route(invoke, GATEWAY, Match("GET /books/{id}"), log=log, **route)

        async def receive():
            await asyncio.sleep(0)
            return {"type": "http.request", "body": b""}

        async def send(_):
            return None

        async def scenario():
            asked = [(b"host", b"books.execute-api.localhost:4566"), (b"user-agent", b'Momo "1"\t'), *headers]
            scope = {
                "type": "http",
                "method": "GET",
                "raw_path": path.encode(),
                "query_string": b"a=1",
                "http_version": "1.1",
                "headers": asked,
                "client": ("127.0.0.1", 5),
                "server": ("127.0.0.1", 4566),
            }
            async with HttpApi(router, told.append) as api:
                await api(scope, receive, send)

        asyncio.run(scenario())
        (line,) = [event for event in told if isinstance(event, AccessLine)]
        assert (line.log_group, line.log_stream) == ("/books/access", "books/test")
        return line.text

    return logged


def test_variables_are_filled_in_and_all_else_stays(logged):
    text = logged("$context.apiId/$context.stage $context.httpMethod $context.path -> $context.status. $other")

    assert text == "books/test GET /test/books/7 -> 201. $other"


def test_what_is_not_there_is_a_dash(logged):
    text = logged("$context.error.message $context.authorizer.claims.sub $context.authorizer.claims $context.nonsense")

    assert text == "- - - -"


def test_a_client_cannot_end_a_string_or_a_line(logged):
    assert json.loads(logged('{"agent":"$context.identity.userAgent"}')) == {"agent": 'Momo "1"\t'}


def test_a_request_that_the_function_answered_names_both_ids_and_its_times(logged):
    found = json.loads(
        logged(
            '{"id":"$context.requestId","invocation":"$context.integration.requestId","lambda":$context.integrationStatus,'
            '"function":$context.integration.status,"latency":$context.integrationLatency,"length":$context.responseLength,'
            '"route":"$context.routeKey","time":$context.requestTimeEpoch,"all":$context.responseLatency}'
        )
    )

    assert found["id"] != found["invocation"]
    assert (found["lambda"], found["function"], found["length"]) == (200, 201, 4)
    assert found["route"] == "GET /books/{id}"
    assert found["all"] >= found["latency"] >= 0
    assert found["time"] > 1e12


def test_a_function_that_fails_is_quoted(logged):
    failed = InvokeResult(b'{"errorType": "LookupError", "errorMessage": "no such book"}', "id", "Unhandled")

    text = logged(
        "$context.status|$context.integrationStatus|$context.integrationErrorMessage|$context.error.responseType",
        returned=failed,
    )

    assert text == (
        "500|200|The Lambda function returned the following error: no such book. "
        "Check your Lambda function code and try again.|INTEGRATION_FAILURE"
    )


def test_an_answer_that_is_none_is_told(logged):
    text = logged("$context.integration.error", returned={"statusCode": "fine"})

    assert text.startswith("The response from the Lambda function doesn't match the format that API Gateway expects.")


def test_who_asks_is_told(logged):
    async def authorize(*_):
        return Authorized({"jwt": {"claims": {"sub": "momo", "cognito:groups": "[admin]"}, "scopes": None}})

    text = logged(
        "$context.authorizer.claims.sub $context.authorizer.claims.cognito:groups $context.authorizer.error",
        authorize=authorize,
    )

    assert text == "momo [admin] -"


def test_why_somebody_may_not_is_told(logged):
    async def refuse(*_):
        return Refused(message(401, "Unauthorized", error="no"), "invalid_token: the token has expired")

    text = logged(
        "$context.status $context.error.message $context.authorizer.error $context.integrationStatus", authorize=refuse
    )

    assert text == "401 Unauthorized invalid_token: the token has expired -"


def test_an_authorizer_may_refuse_once_it_knows_the_body(logged):
    async def decide_later(*_):
        refused = Refused(message(403, "Forbidden", error="no"), "another body was signed")
        return Authorized({"jwt": {"claims": {"sub": "momo"}}}, check_body=lambda body: None if body else refused)

    text = logged("$context.status $context.authorizer.error $context.authorizer.claims.sub", authorize=decide_later)

    assert text == "403 another body was signed -"


def test_a_request_without_a_route_is_logged_too(logged):
    def turned_away(log):
        return TurnedAway(message(404, "Not Found", error="no route"), log)

    text = logged("$context.status $context.routeKey $context.error.messageString", turned_away=turned_away)

    assert text == '404 - "Not Found"'
