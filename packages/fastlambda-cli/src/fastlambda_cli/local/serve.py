"""An ASGI app on the loopback interface, under uvicorn, inside the event loop that is already running."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import uvicorn

from fastlambda_cli.local.http_protocol import Headers, Malformed, http_protocol
from fastlambda_cli.local.http_shortcut import Shortcut
from fastlambda_cli.local.ports import LOOPBACK, listen

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

DEFAULT_MAX_HEADER_BYTES = 64 * 1024

_ABORT_S = 1.0
_LOOK_S = 0.01


@dataclass(frozen=True, slots=True)
class Served:
    """A listening server.

    Attributes:
        port: Where it listens; the one the system chose when port 0 was asked for.

    """

    port: int

    @property
    def url(self) -> str:
        """The server's base URL, without a slash at its end."""
        return f"http://{LOOPBACK}:{self.port}"


@contextlib.asynccontextmanager
async def serve(  # noqa: PLR0913 - each option is a server of its own
    app: AsgiApp,
    port: int = 8000,
    *,
    label: str,
    option: str = "--port",
    listener: socket.socket | None = None,
    max_header_bytes: int = DEFAULT_MAX_HEADER_BYTES,
    malformed: Malformed | None = None,
    shortcut: Shortcut | None = None,
    grace_s: int = 2,
) -> AsyncIterator[Served]:
    """Serve an app on 127.0.0.1 while the block runs.

    It takes no signals, writes no logs and runs no ASGI lifespan. An exception that escapes the app answers
    500 and goes to the event loop's exception handler. On exit the listener closes first; a request in
    flight has `grace_s` to end and is cancelled after that.

    Args:
        app: An ASGI 3 application for `http` scopes.
        port: The port, or 0 for any free one.
        label: What the app is, for error messages, such as "The HTTP API".
        option: The command line's option that chooses the port, for error messages.
        listener: A socket that listens already, instead of the port; it is closed at the end.
        max_header_bytes: How long a request line with its headers may be while it is still incomplete.
        malformed: Answers requests that are not HTTP; by default one line of plain text.
        shortcut: Is offered requests before the app.
        grace_s: Seconds that requests in flight have when the block ends.

    Raises:
        PortTakenError: Another process listens on the port.
        FastLambdaError: The port cannot be used for another reason.

    """
    config = uvicorn.Config(
        _reporting(app, label),
        http=http_protocol(malformed or _plain_text, max_header_bytes, shortcut),
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,  # a client on this machine does not get to say where it comes from
        server_header=False,
        timeout_graceful_shutdown=grace_s,
    )
    config.load()
    server = uvicorn.Server(config)
    # `Server.serve` would take over SIGINT and SIGTERM, which belong to the command; the steps are the same.
    server.lifespan = config.lifespan_class(config)
    with listener or listen(port, label=label, option=option) as sock:
        await server.startup(sockets=[sock])
        await server.on_tick(0)
        clock = asyncio.create_task(_tick(server), name=f"{label}: clock")
        try:
            yield Served(sock.getsockname()[1])
        finally:
            clock.cancel()
            await asyncio.wait([clock])
            await _shut_down(server, sock, grace_s)


async def _tick(server: uvicorn.Server) -> None:
    """Do every second what `Server.main_loop` does, which wakes ten times as often to see whether it should end."""
    while True:
        await asyncio.sleep(1)
        await server.on_tick(0)


async def _shut_down(server: uvicorn.Server, sock: socket.socket, grace_s: int) -> None:
    """Do what `Server.shutdown` does, which pauses for a tenth of a second even with nothing to wait for."""
    for listening in server.servers:
        listening.close()
    sock.close()
    for connection in list(server.server_state.connections):
        connection.shutdown()
    now = asyncio.get_running_loop().time
    deadline = now() + grace_s
    await asyncio.sleep(0)  # an idle connection's transport closes in the loop's next round
    while (server.server_state.connections or server.server_state.tasks) and now() < deadline:  # noqa: ASYNC110 - uvicorn has no event
        await asyncio.sleep(_LOOK_S)
    for task in set(server.server_state.tasks):
        task.cancel()
    await _end_the_rest(server)


async def _end_the_rest(server: uvicorn.Server) -> None:
    """After the grace period: await what was cancelled, cut what still hangs on the line."""
    if server.server_state.tasks:
        await asyncio.wait(set(server.server_state.tasks), timeout=_ABORT_S)
    for connection in list(server.server_state.connections):
        transport = connection.transport
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()
    await asyncio.sleep(0)  # an aborted transport closes its socket in the loop's next round
    for listening in server.servers:
        await listening.wait_closed()


def _reporting(app: AsgiApp, label: str) -> AsgiApp:
    async def reporting(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except Exception as problem:
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"{label} failed to answer a request", "exception": problem}
            )
            raise

    return reporting


def _plain_text(_status: int, reason: str) -> tuple[Headers, bytes]:
    body = f"{reason}\n".encode()
    return [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))], body
