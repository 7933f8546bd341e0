"""The gateway's own part: limits, failures, clients that leave, and what is told of each exchange."""

from __future__ import annotations

import asyncio
import json

import pytest

from fastlambda_cli.local.http.kinds import MAX_BODY_BYTES, MAX_HEAD_BYTES
from fastlambda_cli.local.model import InvokeResult, ThrottledError

OK = b'{"statusCode":200,"body":"ok"}'


def test_an_exchange_is_told_with_both_request_ids(gateway, function):
    async def scenario():
        async with gateway(function({"statusCode": 201}, cold=True)) as api:
            answer = await api.client.post("/caf%C3%A9?x=1")
            exchange = await api.exchange()
            assert (exchange.method, exchange.path, exchange.status) == ("POST", "/caf%C3%A9", 201)
            assert exchange.request_id == api.invocations[0].request_id
            assert exchange.api_request_id == answer.headers["apigw-requestid"]
            assert exchange.api_request_id == api.events[0]["requestContext"]["requestId"]
            assert exchange.cold is True
            assert exchange.error is None
            assert exchange.duration_ms > 0

    asyncio.run(scenario())


def test_a_function_error_is_an_internal_server_error_that_shows_the_client_nothing(ask):
    outcome = ask(
        returned={"errorType": "LookupError", "errorMessage": "no such table\nnone"},
        result={"function_error": "Unhandled"},
    )
    assert outcome.answer.status_code == 500
    assert outcome.answer.content == b'{"message":"Internal Server Error"}'
    assert outcome.exchange.error == "the function failed: LookupError: no such table"


def test_a_throttled_function_is_unavailable(gateway):
    async def throttled(_):
        raise ThrottledError

    async def scenario():
        async with gateway(throttled) as api:
            answer = await api.client.get("/")
            assert (answer.status_code, answer.content) == (503, b'{"message":"Service Unavailable"}')
            assert (await api.exchange()).error == "the function was throttled"

    asyncio.run(scenario())


def test_after_the_integration_timeout_the_client_gets_503_and_the_function_runs_on(gateway):
    release, ended = asyncio.Event(), asyncio.Event()

    async def slow(invocation):
        await release.wait()
        ended.set()
        return InvokeResult(OK, invocation.request_id)

    async def scenario():
        async with gateway(slow, integration_timeout_s=0.05) as api:
            answer = await api.client.get("/")
            assert (answer.status_code, answer.content) == (503, b'{"message":"Service Unavailable"}')
            exchange = await api.exchange()
            assert exchange.error == "no answer within 0.05 s; it runs on"
            assert exchange.request_id == api.invocations[0].request_id
            assert not ended.is_set()
            release.set()
            await ended.wait()

    asyncio.run(scenario())


def test_a_client_has_the_answer_while_an_extension_of_the_function_still_works(gateway):
    release, ended = asyncio.Event(), asyncio.Event()

    async def extended(invocation):
        result = InvokeResult(OK, invocation.request_id)
        await invocation.early(result)
        await release.wait()
        ended.set()
        return result

    async def scenario():
        async with gateway(extended) as api:
            answer = await api.client.get("/")
            assert (answer.status_code, answer.content) == (200, b"ok")
            exchange = await api.exchange()
            assert (exchange.status, exchange.request_id) == (200, api.invocations[0].request_id)
            assert not ended.is_set()
            release.set()
            await ended.wait()

    asyncio.run(scenario())


def test_a_client_that_leaves_does_not_stop_its_invocation(gateway):
    started, release, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(invocation):
        started.set()
        await release.wait()
        ended.set()
        return InvokeResult(OK, invocation.request_id)

    async def scenario():
        async with gateway(slow) as api:
            _, writer = await asyncio.open_connection("127.0.0.1", api.port)
            writer.write(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await started.wait()
            writer.transport.abort()
            exchange = await api.exchange()
            assert (exchange.status, exchange.path) == (499, "/slow")
            assert exchange.error == "the client closed its connection; the function runs on"
            release.set()
            await ended.wait()
            assert api.problems == []

    asyncio.run(scenario())


def test_a_client_that_leaves_during_its_upload_never_reaches_the_function(gateway, function):
    async def scenario():
        async with gateway(function({})) as api:
            _, writer = await asyncio.open_connection("127.0.0.1", api.port)
            writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf")
            await writer.drain()
            writer.close()
            exchange = await api.exchange()
            assert (exchange.status, exchange.request_id) == (499, None)
            assert api.invocations == []
            assert api.problems == []

    asyncio.run(scenario())


def test_invocations_that_run_when_the_gateway_ends_are_given_up(gateway):
    given_up = asyncio.Event()

    async def endless(_):
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    async def scenario():
        async with gateway(endless, integration_timeout_s=0.01) as api:
            assert (await api.client.get("/")).status_code == 503
        assert given_up.is_set()

    asyncio.run(scenario())


def test_a_failure_of_ours_answers_500_and_is_reported_to_the_loop(gateway):
    async def broken(_):
        raise RuntimeError("a bug in the engine")

    async def scenario():
        async with gateway(broken) as api:
            answer = await api.client.get("/")
            assert (answer.status_code, answer.content) == (500, b'{"message":"Internal Server Error"}')
            assert (await api.exchange()).error == "RuntimeError('a bug in the engine')"
            assert [str(problem["exception"]) for problem in api.problems] == ["a bug in the engine"]

    asyncio.run(scenario())


def test_a_failure_of_ours_after_the_client_was_answered_is_reported_too(gateway):
    release, ended = asyncio.Event(), asyncio.Event()

    async def broken(_):
        await release.wait()
        ended.set()
        raise RuntimeError("a late bug")

    async def scenario():
        async with gateway(broken, integration_timeout_s=0.01) as api:
            assert (await api.client.get("/")).status_code == 503
            release.set()
            await ended.wait()
            await asyncio.sleep(0)  # its callbacks run in the loop's next round
            assert [(problem["message"], str(problem["exception"])) for problem in api.problems] == [
                ("An invocation failed after its client was answered", "a late bug")
            ]

    asyncio.run(scenario())


def test_being_throttled_after_the_client_was_answered_is_no_failure_of_ours(gateway):
    release, ended = asyncio.Event(), asyncio.Event()

    async def throttled(_):
        await release.wait()
        ended.set()
        raise ThrottledError

    async def scenario():
        async with gateway(throttled, integration_timeout_s=0.01) as api:
            assert (await api.client.get("/")).status_code == 503
            release.set()
            await ended.wait()
        assert api.problems == []

    asyncio.run(scenario())


def test_requests_run_side_by_side(gateway):
    both = asyncio.Barrier(2)

    async def meet(invocation):
        await both.wait()
        return InvokeResult(OK, invocation.request_id)

    async def scenario():
        async with gateway(meet) as api:
            answers = await asyncio.gather(api.client.get("/1"), api.client.get("/2"))
            assert [answer.status_code for answer in answers] == [200, 200]

    asyncio.run(scenario())


def chunks_of(size: int):
    async def chunks():
        for _ in range(size // 65536 + 1):
            yield b"x" * 65536

    return chunks()


TOO_LARGE = {
    "announced": lambda: b"x" * (MAX_BODY_BYTES + 1),
    "in chunks": lambda: chunks_of(MAX_BODY_BYTES),
    "small enough for API Gateway, too large for Lambda once it is base64": lambda: b"x" * (5 * 1024 * 1024),
}


@pytest.mark.parametrize("content", TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_body_that_is_too_large_is_413_and_the_connection_stays_usable(gateway, function, content):
    async def scenario():
        async with gateway(function({"statusCode": 200})) as api:
            answer = await api.client.post("/", content=content())
            assert (answer.status_code, answer.content) == (413, b'{"message":"Request Entity Too Large"}')
            assert "larger than" in (error := (await api.exchange()).error) or "more than Lambda's" in error
            assert api.invocations == []
            assert (await api.client.get("/")).status_code == 200

    asyncio.run(scenario())


def test_the_largest_text_body_that_lambda_takes_arrives(ask):
    content = b"x" * (6 * 1024 * 1024 - 2048)
    event = ask("POST", content=content, headers={"content-type": "text/plain"}).event
    assert len(event["body"]) == len(content)


@pytest.mark.parametrize("size", [MAX_HEAD_BYTES, 200_000])
def test_too_many_header_bytes_are_431(ask, size):
    outcome = ask(headers={"x-large": "x" * size})
    assert outcome.answer.status_code == 431
    assert outcome.answer.content == b'{"message":"Request Header Fields Too Large"}'
    assert outcome.event is None


def test_a_request_line_that_is_too_long_is_414(ask):
    outcome = ask(path="/" + "x" * MAX_HEAD_BYTES)
    assert (outcome.answer.status_code, outcome.answer.json()) == (414, {"message": "Request-URI Too Long"})


MALFORMED = {
    "no HTTP": (b"hello\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two lengths": (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    "a length that is no number": (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", 400),
    "a space in a header's name": (b"GET / HTTP/1.1\r\nHost: localhost\r\nA B: c\r\n\r\n", 400),
    "a target that is no path": (b"GET x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 400),
    "the asterisk": (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 400),
    "endless headers": (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 70_000, 431),
    "an unknown transfer coding": (b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: br\r\n\r\n", 501),
}


@pytest.mark.parametrize(("request_bytes", "status"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_http_gets_one_clear_answer_with_a_request_id(gateway, function, request_bytes, status):
    async def scenario():
        async with gateway(function({})) as api:
            head, _, body = (await api.raw(request_bytes)).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 %d " % status)
            assert b"connection: close" in head.lower()
            assert b"\r\ndate: " in head.lower()
            assert b"content-length: %d" % len(body) in head
            assert "message" in json.loads(body)
            exchange = await api.exchange()
            assert b"apigw-requestid: " + exchange.api_request_id.encode() in head
            assert (exchange.status, exchange.request_id) == (status, None)
            assert exchange.error
            assert api.invocations == []
            assert api.problems == []

    asyncio.run(scenario())


def test_a_broken_chunk_in_the_middle_of_an_upload_is_400_and_never_reaches_the_function(gateway, function):
    async def scenario():
        async with gateway(function({})) as api:
            head = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
            assert (await api.raw(head + b"4\r\nabcd\r\nzz\r\n")).startswith(b"HTTP/1.1 400 ")
            assert api.invocations == []
            assert api.problems == []

    asyncio.run(scenario())


def test_a_connection_is_kept_for_the_next_request(gateway, function):
    async def scenario():
        async with gateway(function({"statusCode": 204})) as api:
            reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
            for _ in range(3):
                writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204 ")
            writer.close()

    asyncio.run(scenario())


def test_requests_sent_ahead_are_answered_in_their_order(gateway):
    async def echo(invocation):
        path = json.loads(invocation.payload)["rawPath"]
        return InvokeResult(json.dumps({"statusCode": 200, "body": path}).encode(), invocation.request_id)

    async def scenario():
        async with gateway(echo) as api:
            first = b"GET /1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
            second = b"GET /2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            answer = await api.raw(first + second)
            assert answer.index(b"/1") < answer.index(b"/2")

    asyncio.run(scenario())


def test_a_client_that_waits_for_100_continue_is_told_to_go_on(gateway, function):
    async def scenario():
        async with gateway(function({"statusCode": 200})) as api:
            reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
            writer.write(b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
            writer.write(b"ok")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            writer.close()

    asyncio.run(scenario())


def test_a_client_that_waits_with_a_body_too_large_is_refused_before_it_sends_any(gateway, function):
    async def scenario():
        async with gateway(function({})) as api:
            reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
            head = b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n"
            writer.write(head % (MAX_BODY_BYTES + 1))
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
            writer.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("path", ["/dev", "/dev/", "/dev/api/books"])
def test_a_named_stage_stays_in_the_path(ask, path):
    event = ask(path=path, stage="dev").event
    assert event["rawPath"] == path
    assert event["requestContext"]["http"]["path"] == path
    assert event["requestContext"]["stage"] == "dev"


@pytest.mark.parametrize("path", ["/", "/api/books", "/develop", "/prod/api"])
def test_a_path_outside_the_named_stage_is_not_found(ask, path):
    outcome = ask(path=path, stage="dev")
    assert (outcome.answer.status_code, outcome.answer.content) == (404, b'{"message":"Not Found"}')
    assert outcome.event is None
