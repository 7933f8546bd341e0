"""Runtimes that send their answer while they make it, and all that can go wrong meanwhile, in real processes."""

from __future__ import annotations

import asyncio
import json

import pytest

from fastlambda_cli.local.model import Invocation, InvocationReported, PlatformLine, Status
from fastlambda_cli.local.streaming import ResponseStream, StreamError

RUNTIME = """
    import json
    import os
    import socket

    HOST, PORT = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    STREAMING = "Lambda-Runtime-Function-Response-Mode: streaming"
    CHUNKED = "Transfer-Encoding: chunked"


    class Connection:
        def __init__(self):
            self.socket = socket.create_connection((HOST, int(PORT)))
            self.file = self.socket.makefile("rb")

        def send(self, method, path, *headers):
            lines = [f"{method} /2018-06-01/runtime/{path} HTTP/1.1", f"Host: {HOST}:{PORT}", *headers]
            self.socket.sendall("\\r\\n".join([*lines, "", ""]).encode())

        def respond(self, *headers):
            'Begin an answer, and know that it has begun.'
            expect = "Expect: 100-continue"
            self.send("POST", f"invocation/{request_id}/response", STREAMING, CHUNKED, expect, *headers)
            self.file.readline(), self.file.readline()

        def chunk(self, piece):
            self.socket.sendall(b"%x\\r\\n%s\\r\\n" % (len(piece), piece))

        def end(self, *trailers):
            self.socket.sendall("\\r\\n".join(["0", *trailers, "", ""]).encode())
            return self.answer()[0]

        def answer(self):
            status, headers = int(self.file.readline().split()[1]), {}
            while line := self.file.readline().strip():
                name, _, value = line.decode().partition(":")
                headers[name.lower()] = value.strip()
            return status, headers, self.file.read(int(headers["content-length"]))

        def hang_up(self):
            self.socket.shutdown(socket.SHUT_WR)
            self.file.read()


    asking = Connection()
    while True:
        asking.send("GET", "invocation/next")
        _, about, event = asking.answer()
        request_id = about["lambda-runtime-aws-request-id"]
        exec(json.loads(event))
"""
ANSWER = """
api = Connection()
api.respond("Content-Type: text/plain")
api.chunk(b"pid %d" % os.getpid())
print("told", api.end(), flush=True)
"""


async def invoked(laboratory, code, stream=None):
    """Run an event; return what came of its answer, and its result."""
    stream = stream or ResponseStream()
    invocation = Invocation(json.dumps(code).encode(), stream=stream)
    running = asyncio.ensure_future(laboratory.function.invoke(invocation))
    running.add_done_callback(lambda _: stream.close())
    came = b"".join([piece async for piece in stream.pieces()])
    return came, await running, stream


def ended(laboratory, **options):
    """Run one event after the other; return what came, the error's type, and the stream of each."""

    def run(*codes):
        async def story(_):
            outcomes = []
            for code in codes:
                came, result, stream = await invoked(laboratory, code)
                kind = json.loads(result.payload)["errorType"] if result.function_error else None
                outcomes.append((came, kind, stream))
            return outcomes

        return laboratory.run(RUNTIME, story, **options)

    return run


def test_an_answer_comes_with_its_content_type_and_is_accepted(laboratory):
    ((came, error, stream),) = ended(laboratory)(ANSWER)

    assert came.startswith(b"pid ")
    assert (error, stream.content_type, stream.complete, stream.error) == (None, "text/plain", True, None)
    assert stream.cold
    assert "told 202" in laboratory.lines()


def test_a_streamed_answer_need_not_be_chunked(laboratory):
    plain = """
api = Connection()
api.send("POST", f"invocation/{request_id}/response", STREAMING, "Content-Length: 3")
api.socket.sendall(b"one")
api.answer()
"""
    ((came, error, stream),) = ended(laboratory, log_format="JSON", system_log_level="DEBUG")(plain)

    assert (came, error, stream.complete) == (b"one", None, True)
    assert any('"producedBytes":3}' in line.text for line in laboratory.of(PlatformLine))


def test_many_megabytes_come_whole(laboratory):
    large = """
api = Connection()
api.respond()
for number in range(320):
    api.chunk(bytes([number % 251]) * 65536)
api.end()
"""
    ((came, error, _),) = ended(laboratory)(large)

    assert error is None
    assert came == b"".join(bytes([number % 251]) * 65536 for number in range(320))


def test_a_runtime_that_ends_in_the_middle_fails_the_event_and_is_started_again(laboratory):
    crash = """
api = Connection()
api.respond()
api.chunk(b"half")
os._exit(7)
"""
    (came, error, stream), after = ended(laboratory)(crash, ANSWER)

    assert (came, error, stream.complete) == (b"half", "Runtime.ExitError", False)
    assert after[1] is None
    assert [report.error_type for report in laboratory.of(InvocationReported)] == ["Runtime.ExitError", None]


def test_a_runtime_that_hangs_in_the_middle_times_out_and_is_started_again(laboratory):
    hang = """
api = Connection()
api.respond()
api.chunk(b"half")
api.answer()
"""
    (came, error, stream), after = ended(laboratory, timeout=1)(hang, ANSWER)

    assert (came, error, stream.complete) == (b"half", "Sandbox.Timedout", False)
    assert after[1] is None
    assert [report.status for report in laboratory.of(InvocationReported)] == [Status.TIMEOUT, Status.SUCCESS]


def test_a_runtime_that_hangs_up_in_the_middle_goes_on_with_the_next_event(laboratory):
    hang_up = """
api = Connection()
api.respond()
api.chunk(b"pid %d" % os.getpid())
api.hang_up()
"""
    (came, error, stream), after = ended(laboratory)(hang_up, ANSWER)

    assert (error, stream.complete) == ("Runtime.TruncatedResponse", False)
    assert after[:2] == (came, None), "the process is the same"


def test_a_runtime_that_ends_behind_its_answer_has_answered(laboratory):
    (came, error, stream), after = ended(laboratory)(ANSWER + "os._exit(7)\n", ANSWER)

    assert came.startswith(b"pid ")
    assert (error, stream.complete) == (None, True)
    assert after[0] not in {b"", came}


def test_bytes_that_are_no_chunks_end_the_answer(laboratory):
    broken = """
api = Connection()
api.respond()
api.chunk(b"half")
api.socket.sendall(b"no chunk\\r\\n")
print("told", api.answer()[0], flush=True)
"""
    (came, error, _), after = ended(laboratory)(broken, ANSWER)

    assert (came, error) == (b"half", "Runtime.TruncatedResponse")
    assert laboratory.lines()[0] == "told 400"
    assert after[1] is None


def test_an_answer_beyond_the_limit_is_cut_there_and_the_runtime_is_told(laboratory):
    async def story(_):
        long = "api = Connection()\napi.respond()\napi.chunk(b'12345')\napi.chunk(b'67890')\nprint('told', api.end())\n"
        return await invoked(laboratory, long, ResponseStream(limit=7)), await invoked(laboratory, ANSWER)

    (came, result, stream), (_, after, _) = laboratory.run(RUNTIME, story)

    assert came == b"1234567"
    assert stream.error.code == json.loads(result.payload)["errorType"] == "Function.ResponseSizeTooLarge"
    assert after.function_error is None
    assert "told 413" in laboratory.lines()


def test_there_is_one_answer_and_no_error_once_it_has_begun(laboratory):
    twice = """
api, other = Connection(), Connection()
api.respond()
api.chunk(b"one")
other.send("POST", f"invocation/{request_id}/error", "Content-Length: 2")
other.socket.sendall(b"{}")
print("error", other.answer()[0], flush=True)
other.respond()
other.chunk(b"intruder")
print("second", other.end(), flush=True)
api.chunk(b"two")
api.end()
"""
    ((came, error, _),) = ended(laboratory)(twice)

    assert (came, error) == (b"onetwo", None)
    assert laboratory.lines() == ["error 403", "second 403"]


def test_a_runtime_that_asks_for_the_next_event_too_early_gets_it_when_the_answer_has_come(laboratory):
    early = """
api = Connection()
api.respond()
api.chunk(b"one")
ahead = Connection()
ahead.send("GET", "invocation/next")
api.chunk(b"two")
api.end()
_, about, event = ahead.answer()
request_id = about["lambda-runtime-aws-request-id"]
exec(json.loads(event))
"""
    first, second = ended(laboratory)(early, ANSWER)

    assert first[:2] == (b"onetwo", None)
    assert second[0].startswith(b"pid ")


def test_what_a_runtime_says_in_trailers_comes_as_it_is_and_the_event_succeeds(laboratory):
    failing = """
api = Connection()
api.respond("Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body")
api.chunk(b"half")
api.end("Lambda-Runtime-Function-Error-Type: Books.Gone", "Lambda-Runtime-Function-Error-Body: no base64!")
"""
    ((came, error, stream),) = ended(laboratory)(failing)

    assert (came, error, stream.error) == (b"half", None, StreamError("Books.Gone", "no base64!"))
    assert laboratory.of(InvocationReported)[0].status is Status.SUCCESS


def test_a_function_goes_on_when_nobody_reads_any_more(laboratory):
    async def story(_):
        stream = ResponseStream()
        endless = (
            "api = Connection()\napi.respond()\nfor _ in range(64):\n    api.chunk(bytes(65536))\nprint(api.end())\n"
        )
        invocation = Invocation(json.dumps(endless).encode(), stream=stream)
        running = asyncio.ensure_future(laboratory.function.invoke(invocation))
        await stream.begun()
        stream.abandon()
        return await running

    result = laboratory.run(RUNTIME, story)

    assert result.function_error is None
    assert laboratory.lines() == ["202"]


def test_workers_of_a_managed_instance_stream_too(laboratory):
    hang_up = "api = Connection()\napi.respond()\napi.chunk(b'half')\napi.hang_up()\n"

    outcomes = ended(laboratory, workers=2, initialization_type="lambda-managed-instances")(ANSWER, hang_up, ANSWER)

    assert [error for _, error, _ in outcomes] == [None, "Runtime.TruncatedResponse", None]
    assert [came[:4] for came, _, _ in outcomes] == [b"pid ", b"half", b"pid "]


def test_an_invocation_that_wants_no_stream_has_the_answer_whole(laboratory):
    async def story(_):
        return await laboratory.invoke(ANSWER)

    assert laboratory.run(RUNTIME, story).payload.startswith(b"pid ")


class Source:
    """A connection that remembers what it is told."""

    def __init__(self):
        self.told = []

    def pause_reading(self):
        self.told.append("pause")

    def resume_reading(self):
        self.told.append("resume")


def test_a_runtime_waits_for_a_reader_that_is_slower():
    async def story():
        stream, source = ResponseStream(), Source()
        stream.open(source, "text/plain")
        for _ in range(3):
            stream.put(bytes(600_000))
        waiting = list(source.told)
        read = await anext(stream.pieces())
        return waiting, len(read), source.told

    assert asyncio.run(story()) == (["pause"], 1_800_000, ["pause", "resume"])


@pytest.mark.parametrize("then", ["finish", "close"])
def test_a_reader_gets_what_came_before_the_end(then):
    async def story():
        stream = ResponseStream()
        stream.open(Source(), None)
        stream.put(b"one")
        getattr(stream, then)()
        return [piece async for piece in stream.pieces()], stream.complete

    assert asyncio.run(story()) == ([b"one"], then == "finish")
