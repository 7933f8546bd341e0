"""A function URL that streams, in front of a function that streams as a test wants it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json

import httpx
import pytest

from fastlambda_cli.local.http.cors import Cors
from fastlambda_cli.local.http.function_url import STREAMED
from fastlambda_cli.local.http.kinds import FUNCTION_URL
from fastlambda_cli.local.http.response import MalformedResponseError
from fastlambda_cli.local.http.routing import Route
from fastlambda_cli.local.http.streaming import PRELUDE, begin
from fastlambda_cli.local.model import InvokeResult
from fastlambda_cli.local.streaming import ResponseStream, StreamError

END = bytes(8)
FAILED = {"payload": b'{"errorType":"ValueError","errorMessage":"no"}', "function_error": "Unhandled"}


class Connection:
    """A runtime's connection, which nobody asks to wait here."""

    def pause_reading(self):
        raise AssertionError

    resume_reading = pause_reading


def function(*steps, kind="text/plain", finishes=True, **result):
    """A function that streams: bytes are sent, events awaited, and anything else is called."""

    async def invoke(invocation):
        stream = invocation.stream
        stream.open(Connection(), kind)
        for step in steps:
            if isinstance(step, bytes):
                stream.put(step)
            elif isinstance(step, asyncio.Event):
                await step.wait()
            else:
                step(stream)
        if finishes:
            stream.finish()
        return InvokeResult(**({"payload": b"", "request_id": invocation.request_id} | result))

    return invoke


@pytest.fixture
def streaming(gateway):
    """`async with streaming(function) as url`: a running URL that streams."""

    def run(invoke, **route):
        made = functools.partial(Route, timeout_s=None, payloads=STREAMED, streams=True, **route)
        return gateway(invoke, route=made, kind=FUNCTION_URL)

    return run


@pytest.fixture
def ask(streaming):
    """Ask a URL once; return the answer and what was told of it."""

    def asked(invoke, method="GET", headers=None, **route):
        async def story():
            async with streaming(invoke, **route) as url:
                answer = await url.client.request(method, "/", headers=headers)
                exchange = await url.exchange()
                assert not url.problems
                return answer, exchange

        return asyncio.run(story())

    return asked


def test_the_client_has_a_piece_before_the_function_makes_the_next(streaming):
    async def story():
        gate = asyncio.Event()
        async with streaming(function(b"one", gate, b"two")) as url, url.client.stream("GET", "/") as answer:
            pieces = answer.aiter_raw()
            first = await anext(pieces)
            gate.set()
            return first, [piece async for piece in pieces]

    assert asyncio.run(story()) == (b"one", [b"two"])


def test_the_answer_is_whole_before_the_function_is_done(streaming):
    async def story():
        gate = asyncio.Event()
        async with streaming(function(b"one", ResponseStream.finish, gate, finishes=False)) as url:
            answer = await url.client.get("/")
            exchange = await url.exchange()
            gate.set()
            return answer.content, exchange.error

    assert asyncio.run(story()) == (b"one", None)


def test_the_prelude_has_status_headers_and_cookies(ask):
    head = {"statusCode": 206, "headers": {"X-Shelf": "A", "Content-Length": "5"}, "cookies": ["a=1", "b=2"]}

    answer, exchange = ask(function(json.dumps(head).encode() + END + b"\x00body\x00", kind=f"{PRELUDE}; v=1"))

    assert (answer.status_code, answer.headers["x-shelf"], answer.content) == (206, "A", b"\x00body\x00")
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "content-length" not in answer.headers
    assert (exchange.status, exchange.error) == (206, None)


def test_an_empty_prelude_is_200(ask):
    answer, _ = ask(function(b"{}" + END, kind=PRELUDE))

    assert (answer.status_code, answer.content) == (200, b"")


def test_a_prelude_may_come_in_any_pieces():
    whole = b'{"statusCode":201}' + END + b"one"

    async def read(*pieces):
        stream = ResponseStream()
        stream.open(Connection(), PRELUDE)
        reading = asyncio.ensure_future(begin(stream, asyncio.get_running_loop().create_future()))
        for piece in pieces:
            stream.put(piece)
            await asyncio.sleep(0)
        stream.finish()
        answer = await reading
        return answer.status, answer.body + b"".join([piece async for piece in answer.rest.pieces])

    async def story():
        return {await read(whole[:cut], whole[cut:]) for cut in range(len(whole))} | {
            await read(*(bytes([byte]) for byte in whole))
        }

    assert asyncio.run(story()) == {(201, b"one")}


@pytest.mark.parametrize(
    "begins",
    [
        b"no JSON" + END,
        b"[]" + END,
        b'{"statusCode":99}' + END,
        b'{"headers":{"a b":"c"}}' + END,
        b'{"statusCode":200}',
        b'{"statusCode":200}' + bytes(7),
        b"x" * 20_000 + END,
    ],
)
def test_a_head_that_is_none_is_502(ask, begins):
    answer, exchange = ask(function(begins, kind=PRELUDE))

    assert (answer.status_code, answer.content) == (502, b"Internal Server Error")
    assert "malformed response" in exchange.error


@pytest.mark.parametrize(("kind", "before"), [("text/plain", ()), (PRELUDE, (b'{"statusCode":200}',))])
def test_a_function_that_fails_before_the_body_is_502(ask, kind, before):
    answer, exchange = ask(function(*before, kind=kind, finishes=False, **FAILED))

    assert (answer.status_code, answer.content) == (502, b"Internal Server Error")
    assert exchange.error == "the function failed: ValueError: no"


def test_a_body_that_a_failure_ends_is_not_whole_and_the_log_says_why(streaming):
    def failing(stream):
        stream.finish(StreamError("Books.Gone", "{}"))

    async def told(invoke):
        async with streaming(invoke) as url:
            with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
                await url.client.get("/")
            exchange = await url.exchange()
            assert not url.problems
            return exchange.status, exchange.error

    async def story():
        return [
            await told(function(b"half", finishes=False, **FAILED)),
            await told(function(b"half", failing, finishes=False)),
        ]

    assert asyncio.run(story()) == [
        (200, "the function failed in the middle of its answer: ValueError: no"),
        (200, "the function failed in the middle of its answer: Books.Gone"),
    ]


def test_a_client_that_leaves_in_the_middle_does_not_stop_the_function(streaming):
    async def story():
        gate, ended = asyncio.Event(), asyncio.Event()
        goes_on = function(b"one", gate, b"two", lambda _: ended.set())
        async with streaming(goes_on) as url:
            async with url.client.stream("GET", "/") as answer:
                await anext(answer.aiter_raw())
            exchange = await url.exchange()
            gate.set()
            await ended.wait()
            assert not url.problems
            return exchange.status, exchange.running, exchange.error

    left = "the client closed its connection in the middle of the answer; the function runs on"
    assert asyncio.run(story()) == (200, True, left)


def test_a_client_that_leaves_before_the_answer_does_not_stop_the_function(streaming):
    async def story():
        started, gate, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
        slow = function(lambda _: started.set(), gate, b"one", lambda _: ended.set())
        async with streaming(slow) as url:
            asking = asyncio.ensure_future(url.client.get("/"))
            await started.wait()
            asking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asking
            exchange = await url.exchange()
            gate.set()
            await ended.wait()
            assert not url.problems
            return exchange.status, exchange.running

    assert asyncio.run(story()) == (499, True)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_an_answer_without_a_body_has_none(ask, method, status):
    answer, exchange = ask(function(b'{"statusCode":%d}' % status + END + b"body", b"more", kind=PRELUDE), method)

    assert (answer.status_code, answer.content, exchange.error) == (status, b"", None)


def test_an_answer_that_streams_has_the_headers_of_cors(ask):
    cors = Cors.of_url({"AllowOrigins": ["http://localhost:3000"]})

    answer, _ = ask(function(b"one"), headers={"Origin": "http://localhost:3000"}, cors=cors)

    assert (answer.headers["access-control-allow-origin"], answer.content) == ("http://localhost:3000", b"one")


def test_a_prelude_that_is_too_long_is_not_waited_for():
    async def story():
        stream = ResponseStream()
        stream.open(Connection(), PRELUDE)
        stream.put(b"x" * 20_000)
        await begin(stream, asyncio.get_running_loop().create_future())

    with pytest.raises(MalformedResponseError, match="16,384"):
        asyncio.run(story())


def test_an_answer_that_is_made_first_waits_for_no_extension(streaming):
    async def story():
        done = asyncio.Event()

        async def extended(invocation):
            result = InvokeResult(b"whole", invocation.request_id)
            await invocation.early(result)
            await done.wait()
            return result

        async with streaming(extended) as url:
            answer = await url.client.get("/")
            done.set()
            return answer

    answer = asyncio.run(story())

    assert (answer.status_code, answer.text) == (200, "whole")
