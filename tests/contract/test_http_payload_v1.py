"""HTTP APIs whose integration asks for payload format 1.0."""

from __future__ import annotations

import json

import pytest
from contract_facts import fact

AREA = "HTTP API: payload format 1.0"
PAYLOAD = "API Gateway Developer Guide, “Create AWS Lambda proxy integrations for HTTP APIs”"
RECORDED = "requests recorded at a deployed API by AWS's test tool for .NET"


@pytest.fixture(scope="module")
def api(cloud):
    return cloud.api(cloud.arn(cloud.function("http_answers")), "ANY /books/{title}", "$default", payload="1.0")


@pytest.fixture
def event(api):
    def shown(method="GET", path="/books/7", **request):
        answer = api.send(method, path, **request)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return shown


@pytest.fixture
def answered(api):
    return lambda returned: api.send("GET", headers={"x-answer": json.dumps(returned)})


@fact(AREA, "The event names the route as `resource`, its method and path, and its variables decoded.", PAYLOAD)
def test_the_event_names_the_resource(event):
    shown = event("PUT", "/books/a%20b")

    assert (shown["version"], shown["resource"], shown["httpMethod"]) == ("1.0", "/books/{title}", "PUT")
    assert shown["pathParameters"] == {"title": "a b"}
    assert (shown["requestContext"]["resourcePath"], shown["requestContext"]["stage"]) == ("/books/{title}", "$default")


@fact(AREA, "`path` is as the client sent it, `requestContext.path` percent-decoded.", RECORDED)
def test_the_path_is_there_twice(event):
    shown = event(path="/books/a%20b")

    assert (shown["path"], shown["requestContext"]["path"]) == ("/books/a%20b", "/books/a b")


@fact(AREA, "`resourceId` is the route's key: `ANY /books/{title}`.", RECORDED)
def test_the_resource_id_is_the_route_key(event):
    assert event()["requestContext"]["resourceId"] == "ANY /books/{title}"


@fact(AREA, "Repeated headers and query values are lists besides; by itself stands the last.", PAYLOAD)
def test_repeated_values_are_lists(event):
    shown = event(path="/books/7?a=1&a=2")

    assert shown["queryStringParameters"] == {"a": "2"}
    assert shown["multiValueQueryStringParameters"] == {"a": ["1", "2"]}
    assert shown["multiValueHeaders"]["Host"] == [shown["headers"]["Host"]]


@fact(AREA, "Headers that the gateway knows are capitalised: `Host`, `User-Agent`, `X-Forwarded-For`.", RECORDED)
def test_known_headers_are_capitalised(event):
    assert {"Content-Length", "Host", "User-Agent", "X-Amzn-Trace-Id", "X-Forwarded-For"} <= set(event()["headers"])


@fact(AREA, "What a request has not is null: no body, no query, no variables.", PAYLOAD)
def test_what_is_not_there_is_null(event):
    shown = event(path="/")

    absent = ("body", "queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables")
    assert [shown[name] for name in absent] == [None] * 5


@fact(AREA, "Without an authorizer `requestContext` has no `authorizer`.", RECORDED)
def test_without_an_authorizer_there_is_none(event):
    assert "authorizer" not in event()["requestContext"]


@fact(AREA, "`multiValueHeaders` of the answer become one header each, cookies too.", PAYLOAD)
def test_headers_may_have_several_values(answered):
    answer = answered({"statusCode": 201, "multiValueHeaders": {"set-cookie": ["a=1", "b=2"]}, "body": "made"})

    assert (answer.status_code, answer.text) == (201, "made")
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


@fact(AREA, "An answer without `statusCode` is 500: nothing is inferred.", RECORDED)
def test_nothing_is_inferred(answered):
    answer = answered({"title": "Momo"})

    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})
