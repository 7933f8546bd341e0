"""An ASGI app on loopback: its port, its end, and its silence."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket

import httpx
import pytest
from no_tls import NO_TLS

from fastlambda_cli.errors import FastLambdaError, PortTakenError
from fastlambda_cli.local.ports import listen
from fastlambda_cli.local.serve import serve


def client_of_its_own():
    return httpx.AsyncClient(verify=NO_TLS, trust_env=False)


async def hello(_scope, _receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


def test_port_0_takes_a_free_port_and_tells_it():
    async def scenario():
        async with serve(hello, 0, label="The app") as served, client_of_its_own() as client:
            assert served.url == f"http://127.0.0.1:{served.port}"
            assert (await client.get(served.url)).text == "hello"

    asyncio.run(scenario())


def test_nothing_but_the_loopback_interface_listens():
    async def scenario():
        async with serve(hello, 0, label="The app") as served:
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.2", served.port)

    asyncio.run(scenario())


def test_a_taken_port_names_the_app_the_holder_and_the_way_out():
    async def scenario(port):
        async with serve(hello, port, label="The HTTP API"):
            pytest.fail("the port was taken")

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTakenError) as refused:
            asyncio.run(scenario(port))
    assert refused.value.what == f"The HTTP API cannot listen on 127.0.0.1:{port}"
    assert f"(pid {os.getpid()}) listens there" in refused.value.why
    assert "--port" in refused.value.remedy


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_number_that_is_no_port_is_said_to_be_none(port):
    async def scenario():
        async with serve(hello, port, label="The app"):
            pytest.fail("there is no such port")

    with pytest.raises(FastLambdaError, match="a number from 0 to 65535"):
        asyncio.run(scenario())


def test_the_port_is_free_again_at_once():
    async def scenario():
        async with serve(hello, 0, label="The app") as served:
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await reader.readuntil(b"hello")
        # The server closed first, so that its side of the connection is now in TIME_WAIT.
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        async with serve(hello, served.port, label="The app") as again, client_of_its_own() as client:
            assert (await client.get(again.url)).text == "hello"

    asyncio.run(scenario())


def test_the_end_closes_idle_connections_and_leaves_no_task():
    async def scenario():
        async with serve(hello, 0, label="The app") as served:
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await reader.readuntil(b"hello")
        assert await reader.read() == b""
        writer.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scenario())


def test_a_request_in_flight_may_end_within_the_grace_period():
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(scope, receive, send):
        begun.set()
        await go_on.wait()
        await hello(scope, receive, send)

    async def scenario():
        async with client_of_its_own() as client:
            async with serve(slow, 0, label="The app", grace_s=60) as served:
                answer = asyncio.create_task(client.get(served.url))
                await begun.wait()
                asyncio.get_running_loop().call_soon(go_on.set)
            assert (await answer).text == "hello"

    asyncio.run(scenario())


def test_a_request_that_outlasts_the_grace_period_is_cancelled():
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def endless(_scope, _receive, _send):
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def scenario():
        async with serve(endless, 0, label="The app", grace_s=0) as served:
            _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await begun.wait()
        assert cancelled.is_set()
        writer.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scenario())


def test_a_client_that_never_reads_is_cut_off_at_the_end():
    begun = asyncio.Event()

    async def flood(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        begun.set()
        while True:
            await send({"type": "http.response.body", "body": b"x" * 10_000_000, "more_body": True})

    async def scenario():
        async with serve(flood, 0, label="The app", grace_s=0) as served:
            client = socket.create_connection(("127.0.0.1", served.port))
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await begun.wait()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        client.settimeout(5)
        with client:
            while client.recv(1_000_000):  # ends when the connection does, which nobody serves any more
                pass

    asyncio.run(scenario())


def test_signals_are_left_to_the_command():
    async def scenario():
        before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        async with serve(hello, 0, label="The app"):
            assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before

    asyncio.run(scenario())


def test_nothing_is_logged(caplog, capfd):
    async def scenario():
        async with serve(hello, 0, label="The app") as served, client_of_its_own() as client:
            await client.get(served.url)
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(b"nonsense\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
            writer.close()

    with caplog.at_level(logging.DEBUG):
        asyncio.run(scenario())
    assert [record for record in caplog.records if record.name.startswith("uvicorn")] == []
    assert capfd.readouterr() == ("", "")


def test_an_exception_of_the_app_answers_500_and_reaches_the_loops_handler():
    async def broken(_scope, _receive, _send):
        raise RuntimeError("a bug")

    async def scenario():
        problems = []
        asyncio.get_running_loop().set_exception_handler(lambda _, problem: problems.append(problem))
        async with serve(broken, 0, label="The app") as served, client_of_its_own() as client:
            assert (await client.get(served.url)).status_code == 500
        assert [(problem["message"], str(problem["exception"])) for problem in problems] == [
            ("The app failed to answer a request", "a bug")
        ]

    asyncio.run(scenario())


def test_a_client_cannot_say_that_it_comes_from_elsewhere():
    clients = []

    async def app(scope, receive, send):
        clients.append(scope["client"][0])
        await hello(scope, receive, send)

    async def scenario():
        async with serve(app, 0, label="The app") as served, client_of_its_own() as client:
            await client.get(served.url, headers={"X-Forwarded-For": "203.0.113.7"})

    asyncio.run(scenario())
    assert clients == ["127.0.0.1"]


def test_a_client_that_came_before_the_server_is_answered_once_it_serves():
    async def scenario():
        listener = listen(0, label="The app", option="--port")
        async with client_of_its_own() as client:
            port = listener.getsockname()[1]
            early = asyncio.create_task(client.get(f"http://127.0.0.1:{port}"))
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert not early.done()
            async with serve(hello, listener=listener, label="The app") as served:
                assert served.port == port
                assert (await early).text == "hello"
            writer.close()
            assert await reader.read() == b""
        assert listener.fileno() == -1, "it is closed with the server"

    asyncio.run(scenario())


def test_a_taken_port_names_the_option_that_chooses_another():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(PortTakenError) as refused:
            listen(other.getsockname()[1], label="The AWS endpoint", option="--aws-port")
    assert refused.value.remedy == "End that process, or choose another port with --aws-port (0 takes any free one)."
