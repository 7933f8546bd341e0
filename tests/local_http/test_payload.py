"""Payload format 2.0, as a table: this request on the wire gives this event."""

from __future__ import annotations

import asyncio
import base64
import random
import re
from urllib.parse import quote_plus

import pytest

from fastlambda_cli.local.http.payload import common_log_time, host_name, query_string_parameters


def event_of(gateway, function, request: bytes, **options):
    """Send the bytes of a request, and give the event that the function got."""

    async def scenario():
        async with gateway(function({"statusCode": 204}), **options) as api:
            await api.raw(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
            return api.events[0]

    return asyncio.run(scenario())


def test_a_get_request_becomes_this_event(gateway, function):
    event = event_of(
        gateway,
        function,
        b"GET /api/v1/books?limit=2 HTTP/1.1\r\nHost: localhost:8000\r\nUser-Agent: curl/8.5\r\nAccept: */*\r\n\r\n",
    )
    headers, context = event.pop("headers"), event.pop("requestContext")
    assert event == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/api/v1/books",
        "rawQueryString": "limit=2",
        "queryStringParameters": {"limit": "2"},
        "isBase64Encoded": False,
    }
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", headers.pop("x-amzn-trace-id"))
    assert headers.pop("x-forwarded-port").isdigit()
    assert headers == {
        "accept": "*/*",
        "content-length": "0",
        "host": "localhost:8000",
        "user-agent": "curl/8.5",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "http",
    }
    assert re.fullmatch(r"[A-Za-z0-9_-]{15}=", context.pop("requestId"))
    assert re.fullmatch(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000", context.pop("time"))
    assert isinstance(context.pop("timeEpoch"), int)
    assert context == {
        "accountId": "000000000000",
        "apiId": "local",
        "domainName": "localhost",
        "domainPrefix": "localhost",
        "http": {
            "method": "GET",
            "path": "/api/v1/books",
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": "curl/8.5",
        },
        "routeKey": "$default",
        "stage": "$default",
    }


REQUEST_LINES = {
    "the root": (b"/", {"rawPath": "/", "rawQueryString": ""}),
    "rawPath is percent-decoded": (b"/caf%C3%A9/a%20b%2Fc", {"rawPath": "/café/a b/c"}),
    "slashes stay as they are": (b"//a//b/", {"rawPath": "//a//b/"}),
    "a plus in a path is a plus": (b"/a+b", {"rawPath": "/a+b"}),
    "rawQueryString is untouched": (
        b"/?q=Hello%20World&tag=C%23&tag=.NET%20Core",
        {
            "rawQueryString": "q=Hello%20World&tag=C%23&tag=.NET%20Core",
            "queryStringParameters": {"q": "Hello World", "tag": "C#,.NET Core"},
        },
    ),
    "a name without a value is empty": (b"/?flag&x=", {"queryStringParameters": {"flag": "", "x": ""}}),
    "a value may hold an equals sign": (b"/?a=b=c", {"queryStringParameters": {"a": "b=c"}}),
    "a semicolon separates nothing": (b"/?a=1;b=2", {"queryStringParameters": {"a": "1;b=2"}}),
    "an absolute URL is taken for its path": (b"http://localhost/a?b=1", {"rawPath": "/a", "rawQueryString": "b=1"}),
}


@pytest.mark.parametrize(("target", "expected"), REQUEST_LINES.values(), ids=REQUEST_LINES)
def test_a_request_line_gives_these_fields(gateway, function, target, expected):
    event = event_of(gateway, function, b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert {key: event[key] for key in expected} == expected
    assert event["requestContext"]["http"]["path"] == event["rawPath"]


HEADERS = {
    "names in lower case": (b"X-Colour: Blue", {"x-colour": "Blue"}),
    "repeated ones joined with commas": (b"X-A: 1\r\nx-a: 2, 3", {"x-a": "1,2, 3"}),
    "UTF-8 as text": ("X-Drink: ☕".encode(), {"x-drink": "☕"}),
    "other bytes as ISO-8859-1": (b"X-Drink: caf\xe9", {"x-drink": "café"}),
    "the client's trace root kept": (
        b"X-Amzn-Trace-Id: Root=1-67fd88e9-487b329f49f6278e32bb642c;Sampled=1",
        {"x-amzn-trace-id": "Root=1-67fd88e9-487b329f49f6278e32bb642c;Sampled=1"},
    ),
    "the client's own forwarding continued": (
        b"X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https",
        {"x-forwarded-for": "203.0.113.7, 127.0.0.1", "x-forwarded-proto": "http"},
    ),
}


@pytest.mark.parametrize(("lines", "expected"), HEADERS.values(), ids=HEADERS)
def test_headers_arrive_with(gateway, function, lines, expected):
    event = event_of(gateway, function, b"GET / HTTP/1.1\r\nHost: localhost\r\n" + lines + b"\r\n\r\n")
    assert {name: event["headers"][name] for name in expected} == expected


def test_the_function_is_traced_under_the_root_that_its_event_names(gateway, function):
    async def scenario():
        async with gateway(function({"statusCode": 204})) as api:
            await api.client.get("/", headers={"X-Amzn-Trace-Id": "nonsense"})
            assert api.invocations[0].trace_header == api.events[0]["headers"]["x-amzn-trace-id"]
            assert api.invocations[0].trace_header.startswith("Root=1-")

    asyncio.run(scenario())


@pytest.mark.parametrize("name", ["Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Upgrade", "Expect"])
def test_headers_that_concern_one_connection_end_at_the_gateway(ask, name):
    value = {"Upgrade": "h2c", "Expect": "100-continue", "TE": "trailers"}.get(name, "keep-alive")
    assert name.lower() not in ask(headers={name: value}).event["headers"]


def test_cookies_leave_the_headers_for_a_list_of_their_own(gateway, function):
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: session=abc; theme=dark\r\nCookie: last=1\r\n\r\n"
    event = event_of(gateway, function, request)
    assert event["cookies"] == ["session=abc", "theme=dark", "last=1"]
    assert "cookie" not in event["headers"]


def test_without_cookies_or_query_or_body_the_keys_are_absent_and_not_null(ask):
    assert {"cookies", "queryStringParameters", "body"}.isdisjoint(ask().event)


BODIES = {
    "JSON is text": ("application/json", b'{"a": "\xc3\xa9"}', '{"a": "é"}'),
    "JSON with a charset is text": ("application/json; charset=utf-8", b"{}", "{}"),
    "XML is text": ("application/xml", b"<a/>", "<a/>"),
    "JavaScript is text": ("application/javascript", b"1", "1"),
    "any text type is text": ("Text/CSV", b"a,b", "a,b"),
    "a problem document is base64": ("application/problem+json", b"{}", None),
    "a form is base64": ("application/x-www-form-urlencoded", b"a=1", None),
    "an upload is base64": ("multipart/form-data; boundary=x", b"--x--", None),
    "an image is base64": ("image/png", b"\x89PNG", None),
    "no content type is base64": (None, b"hello", None),
    "text that is no UTF-8 is base64, so that no byte is lost": ("text/plain", b"caf\xe9", None),
}


@pytest.mark.parametrize(("content_type", "content", "text"), BODIES.values(), ids=BODIES)
def test_a_body_is_text_or_base64_by_its_content_type(ask, content_type, content, text):
    event = ask("POST", content=content, headers={"content-type": content_type} if content_type else {}).event
    assert event["isBase64Encoded"] is (text is None)
    assert event["body"] == (base64.b64encode(content).decode() if text is None else text)
    assert event["headers"]["content-length"] == str(len(content))


def test_a_chunked_upload_arrives_whole_and_with_its_length(ask):
    async def chunks():
        for _ in range(100):
            yield b"0123456789" * 100

    event = ask("POST", content=chunks(), headers={"content-type": "text/plain"}).event
    assert event["body"] == "0123456789" * 10_000
    assert event["headers"]["content-length"] == "100000"
    assert "transfer-encoding" not in event["headers"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_reaches_the_function(ask, method):
    assert ask(method).event["requestContext"]["http"]["method"] == method


def test_the_domain_is_the_host_without_its_port(ask):
    context = ask(headers={"host": "books.localhost:9000"}).event["requestContext"]
    assert (context["domainName"], context["domainPrefix"]) == ("books.localhost", "books")


@pytest.mark.parametrize(
    ("authority", "name"),
    [
        ("localhost:8000", "localhost"),
        ("LocalHost", "localhost"),
        ("[::1]:8000", "[::1]"),
        ("[::1]", "[::1]"),
        ("a:", "a"),
    ],
)
def test_a_port_is_dropped_from_a_host(authority, name):
    assert host_name(authority) == name


def test_the_time_is_written_as_access_logs_write_it():
    assert common_log_time(1_583_348_638.39) == "04/Mar/2020:19:03:58 +0000"


def test_any_query_string_is_kept_raw_and_decodes_to_what_was_encoded():
    rng = random.Random(2026)  # noqa: S311
    alphabet = "ab =&+%;,/?#é☕\x00"
    for _ in range(500):
        pairs = [
            ("".join(rng.choices(alphabet, k=rng.randint(1, 3))), "".join(rng.choices(alphabet, k=rng.randint(0, 4))))
            for _ in range(rng.randint(1, 5))
        ]
        encoded = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)
        expected = {name: ",".join(value for other, value in pairs if other == name) for name, _ in pairs}
        assert query_string_parameters(encoded) == expected


def test_any_body_and_any_cookie_survive_the_way_into_the_event(gateway, function):
    rng = random.Random(2026)  # noqa: S311

    async def scenario():
        async with gateway(function({"statusCode": 204})) as api:
            for size in (1, 2, 3, 255, 4096, 70_000):
                content = rng.randbytes(size)
                cookies = [f"c{index}={rng.randbytes(size % 7).hex()}" for index in range(size % 5)]
                headers = {"cookie": "; ".join(cookies)} if cookies else {}
                await api.client.post("/", content=content, headers=headers)
                assert base64.b64decode(api.events[-1]["body"]) == content
                assert api.events[-1].get("cookies", []) == cookies

    asyncio.run(scenario())
