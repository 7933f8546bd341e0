"""The Runtime API's server against clients that break every rule: an answer or a closed connection, never a crash."""

from __future__ import annotations

import asyncio
import base64
import json
import random

import pytest

from fastlambda_cli.local.function.answers import Answer, Refusal
from fastlambda_cli.local.function.extensions import Extensions
from fastlambda_cli.local.function.runtime_api import RuntimeApi

VERSION = "/2018-06-01"
EXTENSION = "/2020-01-01/extension"


class Environment:
    """An environment that takes what comes and forbids errors of INIT."""

    def __init__(self):
        self.taken = []

    def next_event(self, _gone):
        waiting = asyncio.get_running_loop().create_future()
        headers = (("content-type", "application/json"), ("Lambda-Runtime-Aws-Request-Id", "id"))
        waiting.set_result(Answer(200, headers, b'{"n": 1}'))
        return waiting

    def respond(self, request_id, payload):
        self.taken.append((request_id, payload))

    fail = respond

    def stream(self, _request_id, _content_type, _source):
        """Have every answer whole."""

    def fail_init(self, _payload):
        raise Refusal(403, "InvalidStateTransition", "not now")

    def about(self):
        return {"functionName": "books", "functionVersion": "7", "handler": "app.handler"}


@pytest.fixture
def conversation():
    """Send requests, each as it is, over connections of their own; return the answers and what was taken."""

    def run(*requests):
        async def story():
            unexpected = []
            asyncio.get_running_loop().set_exception_handler(lambda _, context: unexpected.append(context))
            environment, extensions = Environment(), Extensions()
            api = RuntimeApi(environment, extensions)
            await api.start()
            answers = []
            for request in requests:
                text = request(answers) if callable(request) else request
                reader, writer = await asyncio.open_connection(*api.address.split(":"))
                writer.write(text.replace(b"HOST", api.address.encode()))
                writer.write_eof()
                answers.append(await reader.read())
                writer.close()
            await api.close()
            assert not unexpected
            return answers, environment.taken

        return asyncio.run(story())

    return run


def request(method, path, body=b"", *headers):
    head = [f"{method} {path} HTTP/1.1", "Host: HOST", "Connection: close", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


def parsed(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body if not body.startswith(b"{") else json.loads(body)


def error(answer):
    status, body = parsed(answer)
    return status, body["errorType"]


def test_every_route_answers_as_documented(conversation):
    streaming = "Lambda-Runtime-Function-Response-Mode: streaming"
    answers, taken = conversation(
        request("GET", f"{VERSION}/ping"),
        request("GET", f"{VERSION}/runtime/invocation/next"),
        request("POST", f"{VERSION}/runtime/invocation/id/response", b"1", streaming),
        request("POST", f"{VERSION}/runtime/invocation/id/error", b"2"),
        request("PUT", "/2022-07-01/telemetry", b"{}"),
        request("PUT", "/2020-08-15/logs", b"{}"),
    )

    assert [parsed(answer) for answer in answers] == [
        (200, b"pong"),
        (200, {"n": 1}),
        (202, {"status": "OK"}),
        (202, {"status": "OK"}),
        (202, {"errorMessage": "Telemetry API is not supported", "errorType": "Telemetry.NotSupported"}),
        (202, {"errorMessage": "Logs API is not supported", "errorType": "Logs.NotSupported"}),
    ]
    assert b"content-type: application/json\r\n" in answers[1], "the runtime client parses nothing else"
    assert taken == [("id", b"1"), ("id", b"2")]


def test_what_is_wrong_is_refused_with_lambdas_error_types(conversation):
    answers, taken = conversation(
        request("POST", f"{VERSION}/runtime/init/error", b"{}"),
        request("POST", f"{VERSION}/runtime/invocation/id/response", b"1", "Lambda-Runtime-Function-Response-Mode: x"),
        request("POST", f"{VERSION}/runtime/invocation/id/nothing"),
        request("DELETE", f"{VERSION}/runtime/invocation/next"),
        b"GET / HTTP/1.1\r\n\r\n",
        b"no HTTP at all\r\n\r\n",
        b"GET /2018-06-01/ping HTTP/1.1\r\nHost: \xff\r\n\r\n",
    )

    assert [error(answer) for answer in answers] == [
        (403, "InvalidStateTransition"),
        (400, "InvalidFunctionResponseMode"),
        (404, "NotFound"),
        (404, "NotFound"),
        (400, "InvalidRequest"),
        (400, "InvalidRequest"),
        (403, "Forbidden"),
    ]
    assert not taken


def test_a_streamed_answer_that_is_wanted_whole_is_taken_whole_and_its_trailers_make_it_an_error(conversation):
    path, mode = f"{VERSION}/runtime/invocation/id/response", "Lambda-Runtime-Function-Response-Mode: Streaming"
    head = f"POST {path} HTTP/1.1\r\nHost: HOST\r\n{mode}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    body = b"3\r\none\r\n3\r\ntwo\r\n0\r\n"
    record = {"errorType": "Books.Gone", "errorMessage": "no such book"}
    encoded = base64.b64encode(json.dumps(record).encode())
    answers, taken = conversation(
        head + body + b"\r\n",
        head + body + b"Lambda-Runtime-Function-Error-Type: Books.Gone\r\n\r\n",
        head + body + b"Lambda-Runtime-Function-Error-Body: " + encoded + b"\r\n\r\n",
    )

    assert [parsed(answer)[0] for answer in answers] == [202, 202, 202]
    assert taken[0] == ("id", b"onetwo")
    assert json.loads(taken[1][1]) == {"errorType": "Books.Gone", "errorMessage": ""}
    assert json.loads(taken[2][1]) == record


def test_requests_in_one_packet_are_answered_in_their_order_and_too_many_of_them_are_not(conversation):
    ping = f"GET {VERSION}/ping HTTP/1.1\r\nHost: HOST\r\n\r\n".encode()
    following = f"GET {VERSION}/runtime/invocation/next HTTP/1.1\r\nHost: HOST\r\n\r\n".encode()
    (answers, too_many), _ = conversation(ping + following + ping, following * 40)

    assert answers.count(b"HTTP/1.1 200 ") == 3
    assert answers.index(b"pong") < answers.index(b'{"n": 1}') < answers.rindex(b"pong")
    assert b"HTTP/1.1 400 " in too_many


def test_a_request_that_comes_again_byte_by_byte_is_the_same_request_however_it_is_cut():
    ping = f"GET {VERSION}/ping HTTP/1.1\r\nHost: HOST\r\n\r\n".encode()
    other = f"GET {VERSION}/pong HTTP/1.1\r\nHost: HOST\r\n\r\n".encode()
    posted = f"POST {VERSION}/runtime/invocation/id/response HTTP/1.1\r\nHost: HOST\r\n".encode()
    # The last has a body that is the first request over again.
    pieces = [ping, ping, other, ping, b"\r\n", ping, ping[:20], ping[20:], ping + ping, ping[:-2], ping[-2:]]
    with_body = posted + b"Content-Length: %d\r\n\r\n"

    async def story():
        environment = Environment()
        api = RuntimeApi(environment, Extensions())
        await api.start()
        reader, writer = await asyncio.open_connection(*api.address.split(":"))
        host = api.address.encode()
        body = ping.replace(b"HOST", host)
        for piece in [*pieces, with_body % len(body), body]:
            writer.write(piece.replace(b"HOST", host))
            for _ in range(3):  # turns of the loop, in which the server reads each piece by itself
                await asyncio.sleep(0)
        writer.write_eof()
        answers = await reader.read()
        writer.close()
        await api.close()
        return answers, environment.taken, body

    answers, taken, body = asyncio.run(story())
    statuses = [int(each[:3]) for each in answers.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [200, 200, 404, 200, 200, 200, 200, 200, 200, 202]
    assert taken == [("id", body)]


def test_a_head_without_end_is_refused(conversation):
    (answer,), _ = conversation(b"GET / HTTP/1.1\r\nHost: HOST\r\nX: " + b"x" * 70_000)

    assert error(answer) == (431, "InvalidRequest")


def test_an_extension_registers_once_in_init_and_only_for_invocations(conversation):
    named = "Lambda-Extension-Name: watcher"
    register = f"{EXTENSION}/register"
    answers, _ = conversation(
        request("POST", register, b'{"events": ["INVOKE"]}', named, "Lambda-Extension-Accept-Feature: accountId"),
        request("POST", register, b'{"events": []}', named),
        request("POST", register, b'{"events": []}'),
        request("POST", register, b'{"events": ["SHUTDOWN"]}', "Lambda-Extension-Name: other"),
        request("POST", register, b'{"events": ["LUNCH"]}', "Lambda-Extension-Name: other"),
        request("POST", register, b"[", "Lambda-Extension-Name: other"),
        request("GET", f"{EXTENSION}/event/next"),
        request("GET", f"{EXTENSION}/event/next", b"", "Lambda-Extension-Identifier: stranger"),
    )

    about = {"functionName": "books", "functionVersion": "7", "handler": "app.handler", "accountId": "000000000000"}
    assert parsed(answers[0]) == (200, about)
    assert b"Lambda-Extension-Identifier: " in answers[0]
    assert [error(answer) for answer in answers[1:]] == [
        (403, "Extension.AlreadyRegistered"),
        (400, "Extension.InvalidExtensionName"),
        (403, "Extension.ShutdownEventNotSupportedForInternalExtension"),
        (400, "Extension.InvalidEventType"),
        (400, "InvalidRequestFormat"),
        (403, "Extension.MissingExtensionIdentifier"),
        (403, "Extension.UnknownExtensionIdentifier"),
    ]


def test_a_fuzzed_client_gets_answers_or_a_closed_connection_and_the_next_client_is_served(conversation):
    dice = random.Random(6)  # noqa: S311 - repeatable, not secret
    whole = [
        request("POST", f"{VERSION}/runtime/invocation/id/response", b'{"a": 1}'),
        request("GET", f"{VERSION}/runtime/invocation/next", b"", "Expect: 100-continue"),
        request("POST", f"{EXTENSION}/register", b'{"events": ["INVOKE"]}', "Lambda-Extension-Name: fuzz"),
    ]

    def mangled():
        text = bytearray(dice.choice(whole))
        for _ in range(dice.randint(1, 6)):
            place = dice.randrange(len(text))
            match dice.randrange(3):
                case 0:
                    text[place] = dice.randrange(256)
                case 1:
                    del text[place : place + dice.randrange(20)]
                case _:
                    text[place:place] = dice.randbytes(dice.randrange(20))
            text = text or bytearray(b"\n")
        return bytes(text)

    answers, _ = conversation(*(mangled() for _ in range(400)), request("GET", f"{VERSION}/ping"))

    assert all(not answer or answer.startswith(b"HTTP/1.1 ") for answer in answers)
    assert parsed(answers[-1]) == (200, b"pong")
