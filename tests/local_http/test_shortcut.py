"""A server's shortcut gets requests whole and answers them past the app, or leaves them to the app."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from fastlambda_cli.local.serve import serve


class Shortcut:
    """Takes the bodies that it is told to take, and holds its answers until they are asked for."""

    def __init__(self, taken=b"short"):
        self.taken = taken
        self.offered = []
        self.written_up = 0
        self.answers = asyncio.Queue()

    def wants(self, method, target):
        return (method, target) == (b"POST", b"/short")

    def begin(self, target, headers, body, answer):
        self.offered.append((target, dict(headers), body))
        if body == self.taken:
            self.answers.put_nowait(answer)
        return body == self.taken

    def write_up(self):
        self.written_up += 1

    async def answer(self, body=b"past the app"):
        (await self.answers.get())(200, [(b"x-way", b"short")], body)


async def app(scope, receive, send):
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    names = b" ".join(name for name, _ in scope["headers"])
    said = names if scope["path"] == "/headers" else f"{scope['method']} {scope['path']} {len(body)}".encode()
    headers = [(b"content-length", b"%d" % len(said))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": said})


def post(body, *headers, target="/short", version="1.1"):
    head = [f"POST {target} HTTP/{version}", "Host: localhost", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


def conversation(scenario, shortcut=None):
    """Serve, and run a scenario with a connection and the shortcut."""

    async def whole():
        taking = shortcut or Shortcut()
        problems = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
        async with serve(app, 0, label="The app", shortcut=taking) as served:
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            try:
                found = await scenario(reader, writer, taking)
            finally:
                writer.close()
        return found, problems

    found, problems = asyncio.run(whole())
    assert not problems
    return found


async def body_of(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return (await reader.readexactly(length)).decode()


def test_what_it_takes_never_reaches_the_app_and_is_answered_when_it_says():
    async def scenario(reader, writer, shortcut):
        writer.write(post(b"short", "X-Name: value"))
        await shortcut.answer()
        first = await body_of(reader)
        writer.write(post(b"short"))
        await shortcut.answer(b"")
        return first, await body_of(reader), shortcut.offered

    first, second, offered = conversation(scenario)
    assert (first, second) == ("past the app", "")
    target, headers, body = offered[0]
    assert (target, headers[b"x-name"], body) == (b"/short", b"value", b"short")


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        (post(b"long"), "POST /short 4"),
        (post(b"short", target="/other"), "POST /other 5"),
        (post(b"short", "Expect: 100-continue"), "POST /short 5"),
        (post(b"short", "Connection: Upgrade", "Upgrade: websocket"), "POST /short 0"),  # llhttp ends here
        (post(b"x" * 300_000), "POST /short 300000"),
        (post(b""), "POST /short 0"),
        (b"GET /short HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /short 0"),
    ],
    ids=["declined", "another target", "expecting", "upgrading", "large", "empty", "another method"],
)
def test_what_it_does_not_take_is_the_apps_with_its_whole_body(written, answer):
    async def scenario(reader, writer, _):
        writer.write(written)
        if b"Expect" in written:
            await reader.readuntil(b"100 Continue\r\n\r\n")
        first = await body_of(reader)
        writer.write(post(b"next", target="/next"))
        return first, await body_of(reader) if b"Upgrade" not in written else ""

    first, after = conversation(scenario)
    assert first == answer
    assert after in {"POST /next 4", ""}


def test_trailers_are_no_headers():
    async def scenario(reader, writer, shortcut):
        chunked = "POST {} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n0"
        for target in ("/short", "/headers"):
            writer.write(f"{chunked.format(target)}\r\nAuthorization: of a trailer\r\n\r\n".encode())
            if target == "/short":
                await shortcut.answer()
                await body_of(reader)
        return shortcut.offered, await body_of(reader)

    offered, seen_by_the_app = conversation(scenario)

    assert [sorted(headers) for _, headers, _ in offered] == [[b"host", b"transfer-encoding"]]
    assert seen_by_the_app == "host transfer-encoding"


class Failing(Shortcut):
    """Hands a request on, and fails then."""

    def begin(self, target, headers, body, answer):
        super().begin(target, headers, body, answer)
        raise LookupError("a bug")


def test_a_request_that_fails_after_it_was_handed_on_has_one_answer_and_its_connection_ends():
    async def scenario():
        shortcut, problems = Failing(), []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context["exception"]))
        async with serve(app, 0, label="The app", shortcut=shortcut) as served:
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(post(b"short"))
            await shortcut.answer()
            answered = await reader.read()
            writer.close()
        return answered, problems

    answered, problems = asyncio.run(scenario())

    assert answered.startswith(b"HTTP/1.1 500 ")
    assert answered.count(b"HTTP/1.1") == 1
    assert [str(problem) for problem in problems] == ["a bug"]


@pytest.mark.parametrize("size", [1, 7])
def test_a_request_may_come_in_pieces(size):
    async def scenario(reader, writer, shortcut):
        whole = post(b"short")
        for start in range(0, len(whole), size):
            writer.write(whole[start : start + size])
            await writer.drain()
            await asyncio.sleep(0)
        await shortcut.answer()
        return await body_of(reader)

    assert conversation(scenario) == "past the app"


def test_requests_that_follow_before_the_answer_wait_for_it():
    async def scenario(reader, writer, shortcut):
        writer.write(post(b"short") + post(b"second", target="/app") + post(b"short"))
        await shortcut.answer()
        return [await body_of(reader) for _ in range(3)]

    # The third came behind one of the app's, so it is the app's as well.
    assert conversation(scenario) == ["past the app", "POST /app 6", "POST /short 5"]


@pytest.mark.parametrize(
    "written", [post(b"short", "Connection: close"), post(b"short", version="1.0")], ids=["close", "HTTP/1.0"]
)
def test_a_connection_that_is_to_end_does(written):
    async def scenario(reader, writer, shortcut):
        writer.write(written)
        await shortcut.answer()
        return await reader.read()

    answer = conversation(scenario)
    assert b"connection: close\r\n" in answer
    assert answer.endswith(b"past the app")


def test_a_client_that_has_gone_gets_no_answer_and_breaks_nothing():
    async def scenario(_, writer, shortcut):
        writer.write(post(b"short"))
        answer = await shortcut.answers.get()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        await asyncio.sleep(0)
        answer(200, [], b"too late")

    conversation(scenario)


def test_a_request_in_flight_may_end_within_the_grace_period():
    async def scenario():
        shortcut = Shortcut()
        async with serve(app, 0, label="The app", grace_s=60, shortcut=shortcut) as served:
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(post(b"short"))
            answer = await shortcut.answers.get()
            asyncio.get_running_loop().call_soon(answer, 200, [], b"in time")
        assert await body_of(reader) == "in time"
        writer.close()

    asyncio.run(scenario())


def test_a_defect_of_it_is_told_as_one_and_answered_500():
    class Broken(Shortcut):
        def begin(self, *_):
            raise LookupError("a bug")

    async def scenario():
        problems = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
        async with serve(app, 0, label="The app", shortcut=Broken()) as served:
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(post(b"short"))
            assert (await reader.readline()).split()[1] == b"500"
            writer.close()
        assert [str(problem["exception"]) for problem in problems] == ["a bug"]

    asyncio.run(scenario())
