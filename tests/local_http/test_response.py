"""What the function returns, and the HTTP answer that API Gateway makes of it."""

from __future__ import annotations

import base64
import random

import pytest

from fastlambda_cli.local.http.response import convert


def test_a_response_of_format_2_0_is_taken_apart(ask):
    answer = ask(
        returned={
            "statusCode": 201,
            "headers": {"Content-Type": "application/json", "Location": "/books/1"},
            "cookies": ["a=1; Path=/", "b=2; HttpOnly"],
            "body": '{"id": 1}',
            "isBase64Encoded": False,
        }
    ).answer
    assert answer.status_code == 201
    assert answer.content == b'{"id": 1}'
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["location"] == "/books/1"
    assert answer.headers.get_list("set-cookie") == ["a=1; Path=/", "b=2; HttpOnly"]
    assert answer.headers["content-length"] == "9"


def test_a_base64_body_arrives_as_bytes(ask):
    content = random.Random(1).randbytes(5000)  # noqa: S311
    encoded = base64.b64encode(content).decode()
    answer = ask(returned={"statusCode": 200, "body": encoded, "isBase64Encoded": True}).answer
    assert answer.content == content


def test_without_a_content_type_api_gateway_says_plain_text(ask):
    assert ask(returned={"statusCode": 200, "body": "hé"}).answer.headers["content-type"] == "text/plain; charset=utf-8"


INFERRED = {
    "an object, as it stands": (b'{"name": "John Doe", "age": 30}', b'{"name": "John Doe", "age": 30}'),
    "an array": (b"[1, 2]", b"[1, 2]"),
    "a string, without its quotes": (b'"Special \\"quoted\\" text"', b'Special "quoted" text'),
    "an empty string": (b'""', b""),
    "a number": (b"42", b"42"),
    "null": (b"null", b"null"),
    "what is no JSON at all": (b'{"name":', b'{"name":'),
}


@pytest.mark.parametrize(("payload", "body"), INFERRED.values(), ids=INFERRED)
def test_without_a_status_code_the_payload_is_the_body_of_a_200(ask, payload, body):
    answer = ask(returned=payload).answer
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "application/json", body)


MALFORMED = {
    "a fractional status": {"statusCode": 200.5},
    "no status": {"statusCode": None},
    "a true status": {"statusCode": True},
    "an interim status": {"statusCode": 100},
    "a status past 599": {"statusCode": 600},
    "a body that is an object": {"statusCode": 200, "body": {"a": 1}},
    "a body that is no base64": {"statusCode": 200, "body": "§", "isBase64Encoded": True},
    "base64 cut short": {"statusCode": 200, "body": "YWJ", "isBase64Encoded": True},
    "a flag that is none": {"statusCode": 200, "body": "a", "isBase64Encoded": "yes"},
    "headers that are an array": {"statusCode": 200, "headers": [["a", "b"]]},
    "a header of two values": {"statusCode": 200, "headers": {"a": ["b", "c"]}},
    "a header that splits the answer": {"statusCode": 200, "headers": {"a": "b\r\nset-cookie: c=d"}},
    "a header without a name": {"statusCode": 200, "headers": {"": "b"}},
    "cookies that are a string": {"statusCode": 200, "cookies": "a=1"},
    "a cookie that splits the answer": {"statusCode": 200, "cookies": ["a=1\nb: c"]},
}


@pytest.mark.parametrize("returned", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_response_is_an_internal_server_error_with_its_reason_in_the_log(ask, returned):
    outcome = ask(returned=returned)
    assert outcome.answer.status_code == 500
    assert outcome.answer.content == b'{"message":"Internal Server Error"}'
    assert outcome.exchange.error.startswith("malformed response of the function: ")


def test_a_status_code_may_be_a_string_of_digits(ask):
    assert ask(returned={"statusCode": "404"}).answer.status_code == 404


def test_numbers_and_booleans_are_written_into_headers_as_json(ask):
    answer = ask(returned={"statusCode": 200, "headers": {"X-Count": 3, "X-Ok": True}}).answer
    assert (answer.headers["x-count"], answer.headers["x-ok"]) == ("3", "true")


@pytest.mark.parametrize("name", ["Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade", "Content-Length"])
def test_headers_of_the_connection_are_the_gateways_to_set(ask, name):
    answer = ask(returned={"statusCode": 200, "headers": {name: "7"}, "body": "four"}).answer
    assert answer.headers["content-length"] == "4"
    assert answer.headers.get(name, "4") == "4"


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_sends_none(ask, status):
    answer = ask(returned={"statusCode": status, "body": "ignored"}).answer
    assert (answer.status_code, answer.content) == (status, b"")


def test_head_says_how_long_the_body_would_be_and_sends_none(ask):
    answer = ask("HEAD", returned={"statusCode": 200, "body": "four"}).answer
    assert (answer.content, answer.headers["content-length"]) == (b"", "4")


def test_an_answer_carries_a_date_and_does_not_name_the_server(ask):
    headers = ask().answer.headers
    assert headers["date"].endswith(" GMT")
    assert "server" not in headers


def test_any_bytes_survive_the_way_out():
    rng = random.Random(7)  # noqa: S311
    for size in range(200):
        content = rng.randbytes(size)
        payload = b'{"statusCode":200,"isBase64Encoded":true,"body":"%s"}' % base64.b64encode(content)
        assert convert(payload).body == content
