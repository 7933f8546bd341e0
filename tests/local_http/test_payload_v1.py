"""Payload format 1.0: events, and what may be returned."""

from __future__ import annotations

import asyncio
import json

import pytest
from fastapi import FastAPI, Request, Response
from mangum import Mangum

from fastlambda_cli.local.http.payload import Gateway, Match, Received
from fastlambda_cli.local.http.payload_v1 import event
from fastlambda_cli.local.http.request import HttpRequest
from fastlambda_cli.local.http.response import MalformedResponseError, convert_v1

TRACE = "Root=1-67fd896c-70b58b4501a8b49c5ef26f03"


@pytest.fixture
def made():
    """`made(method, target, query, headers, body, ...)`: the event of a request."""

    def made(method="GET", target="/", query="", headers=(), body=b"", **settings):
        headers = (("host", "books.execute-api.localhost:4566"), ("user-agent", "Momo/1"), *headers)
        request = HttpRequest(method, target, query, headers, "127.0.0.1", 4566, "HTTP/1.1", 100)
        given = Received(request, body, "JCJpDi3HPHcESow=", 1744669036.726, TRACE)
        return event(given, **{"gateway": Gateway("books")} | settings)

    return made


def test_an_event_is_what_aws_recorded_but_for_names_and_addresses(made):
    found = made(
        "POST",
        "/products/%E2%98%95%20Coffee",
        "tag=C%23&tag=.NET+Core&empty=",
        [("accept", "*/*"), ("content-type", "text/plain; charset=utf-8"), ("x-shelf", "1"), ("x-shelf", "2")],
        b"hello",
        match=Match("POST /products/{name}", {"name": "☕ Coffee"}),
    )

    headers = {
        "Content-Length": ["5"],
        "Content-Type": ["text/plain; charset=utf-8"],
        "Host": ["books.execute-api.localhost:4566"],
        "User-Agent": ["Momo/1"],
        "X-Amzn-Trace-Id": [TRACE],
        "X-Forwarded-For": ["127.0.0.1"],
        "X-Forwarded-Port": ["4566"],
        "X-Forwarded-Proto": ["http"],
        "accept": ["*/*"],
        "x-shelf": ["1", "2"],
    }
    assert found == {
        "version": "1.0",
        "resource": "/products/{name}",
        "path": "/products/%E2%98%95%20Coffee",
        "httpMethod": "POST",
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {"tag": ".NET Core", "empty": ""},
        "multiValueQueryStringParameters": {"tag": ["C#", ".NET Core"], "empty": [""]},
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "books",
            "domainName": "books.execute-api.localhost",
            "domainPrefix": "books",
            "extendedRequestId": "JCJpDi3HPHcESow=",
            "httpMethod": "POST",
            "identity": {
                "accessKey": None,
                "accountId": None,
                "caller": None,
                "cognitoAuthenticationProvider": None,
                "cognitoAuthenticationType": None,
                "cognitoIdentityId": None,
                "cognitoIdentityPoolId": None,
                "principalOrgId": None,
                "sourceIp": "127.0.0.1",
                "user": None,
                "userAgent": "Momo/1",
                "userArn": None,
            },
            "path": "/products/☕ Coffee",
            "protocol": "HTTP/1.1",
            "requestId": "JCJpDi3HPHcESow=",
            "requestTime": "14/Apr/2025:22:17:16 +0000",
            "requestTimeEpoch": 1744669036726,
            "resourceId": "POST /products/{name}",
            "resourcePath": "/products/{name}",
            "stage": "$default",
        },
        "pathParameters": {"name": "☕ Coffee"},
        "stageVariables": None,
        "body": "hello",
        "isBase64Encoded": False,
    }


def test_what_is_not_there_is_null(made):
    found = made()

    assert [found[key] for key in ("queryStringParameters", "pathParameters", "stageVariables", "body")] == [None] * 4
    assert (found["resource"], found["requestContext"]["resourceId"]) == ("$default", "$default")
    assert "authorizer" not in found["requestContext"]


def test_cookies_stay_a_header_and_bytes_are_base64(made):
    found = made("POST", headers=[("cookie", "a=1; b=2")], body=b"\x00\xff")

    assert found["headers"]["cookie"] == "a=1; b=2"
    assert (found["body"], found["isBase64Encoded"]) == ("AP8=", True)


def test_claims_are_the_authorizers_own(made):
    found = made(authorizer={"jwt": {"claims": {"sub": "momo"}, "scopes": None}})

    assert found["requestContext"]["authorizer"] == {"claims": {"sub": "momo"}, "scopes": None}


def test_headers_with_several_values_follow_those_with_one():
    returned = {
        "statusCode": 200,
        "headers": {"Combined": "single", "X-One": "1"},
        "multiValueHeaders": {"Combined": ["a", "b"], "Set-Cookie": ["a=1", "b=2"]},
        "body": "hello",
    }

    answer = convert_v1(json.dumps(returned).encode())

    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.headers == (
        ("combined", "single"),
        ("x-one", "1"),
        ("combined", "a"),
        ("combined", "b"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("content-type", "text/plain; charset=utf-8"),
    )


MALFORMED = {
    "no JSON": "hello",
    "a string": '"hello"',
    "no statusCode": '{"body": "hello"}',
    "cookies instead": '{"statusCode": 200, "multiValueHeaders": {"set-cookie": "a=1"}}',
    "headers that are none": '{"statusCode": 200, "multiValueHeaders": ["a"]}',
}


@pytest.mark.parametrize("payload", MALFORMED.values(), ids=MALFORMED)
def test_nothing_is_inferred(payload):
    with pytest.raises(MalformedResponseError):
        convert_v1(payload.encode())


def test_mangum_understands_both(made):
    app = FastAPI()

    @app.get("/books/{title}")
    async def book(title: str, request: Request, response: Response):
        response.set_cookie("a", "1")
        response.set_cookie("b", "2")
        return {"title": title, "tags": request.query_params.getlist("tag"), "cookies": request.cookies}

    asyncio.set_event_loop(loop := asyncio.new_event_loop())
    try:
        given = made(target="/books/caf%C3%A9", query="tag=1&tag=2", headers=[("cookie", "c=3; d=4")])
        returned = Mangum(app, lifespan="off")(given, None)
    finally:
        asyncio.set_event_loop(None)
        loop.close()

    answer = convert_v1(json.dumps(returned).encode())
    assert json.loads(answer.body) == {"title": "café", "tags": ["1", "2"], "cookies": {"c": "3", "d": "4"}}
    assert [value.partition(";")[0] for name, value in answer.headers if name == "set-cookie"] == ["a=1", "b=2"]
