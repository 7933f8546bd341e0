"""The Runtime API of one execution environment, on a loopback port of its own.

Routes, status codes and bodies follow the Lambda Developer Guide, "Using the Lambda runtime API", and AWS's runtime
interface emulator. What a call means is decided by the environment; this module only speaks HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import h11

_VERSION = "/2018-06-01"
_INVOCATION = f"{_VERSION}/runtime/invocation/"
_CHUNK = 64 * 1024
MAX_BODY = 8 * 1024 * 1024
"""Bytes read of any one body: above the answer's own limit, so that the environment can judge that one."""


@dataclass(frozen=True, slots=True)
class Event:
    """What `/next` hands to the runtime."""

    payload: bytes
    headers: tuple[tuple[str, str], ...]


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault of ours
    """A call that the environment's state forbids; the runtime gets `status` and this error body."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type


class RuntimeState(Protocol):
    """The environment, as its Runtime API sees it."""

    async def next_event(self) -> Event:
        """Wait for the next event; entering this call is how a runtime says that it is done with the last."""

    def respond(self, request_id: str, payload: bytes) -> None:
        """Take the handler's answer."""

    def fail(self, request_id: str, payload: bytes) -> None:
        """Take the handler's error."""

    def fail_init(self, payload: bytes) -> None:
        """Take the error that ended INIT."""


class RuntimeApi:
    """Serves one environment; `address` is the value of AWS_LAMBDA_RUNTIME_API."""

    def __init__(self, state: RuntimeState) -> None:
        self._state = state
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.address = ""

    async def start(self) -> None:
        """Listen on a free loopback port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_CHUNK)
        port = self._server.sockets[0].getsockname()[1]
        self.address = f"127.0.0.1:{port}"

    async def close(self) -> None:
        """Stop listening and drop every connection; a runtime that waits in `/next` is gone by then."""
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs this callback in a task
        self._connections.add(task)
        # A runtime that dies, a malformed request and our own close all end the connection and nothing else.
        with contextlib.suppress(ConnectionError, h11.RemoteProtocolError, asyncio.CancelledError):
            await self._converse(h11.Connection(h11.SERVER), reader, writer)
        self._connections.discard(task)
        writer.close()

    async def _converse(
        self, connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            request, body = await _receive(connection, reader)
            if request is None:
                return
            status, headers, answer = await self._answer(request, body)
            await _send(connection, writer, status, headers, answer)
            if connection.our_state is h11.MUST_CLOSE:
                return
            connection.start_next_cycle()

    async def _answer(self, request: h11.Request, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        try:
            self._guard(request)
            return await self._route(request.method.decode(), request.target.decode(), body)
        except Refusal as refusal:
            error = {"errorMessage": str(refusal), "errorType": refusal.error_type}
            return refusal.status, [("content-type", "application/json")], json.dumps(error).encode()

    def _guard(self, request: h11.Request) -> None:
        """Keep web pages out: a browser sends Origin, or a Host that is not this address."""
        headers = dict(request.headers)
        if headers.get(b"host", b"").decode() != self.address or b"origin" in headers:
            raise Refusal(403, "Forbidden", "The Runtime API answers the function's own runtime only.")

    async def _route(self, method: str, path: str, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        accepted = (202, [("content-type", "application/json")], b'{"status":"OK"}\n')
        if (method, path) == ("GET", f"{_INVOCATION}next"):
            event = await self._state.next_event()
            return 200, [("content-type", "application/json"), *event.headers], event.payload
        if (method, path) == ("POST", f"{_VERSION}/runtime/init/error"):
            self._state.fail_init(body)
            return accepted
        request_id, _, verb = path.removeprefix(_INVOCATION).partition("/")
        if method == "POST" and path.startswith(_INVOCATION) and verb == "response":
            self._state.respond(request_id, body)
            return accepted
        if method == "POST" and path.startswith(_INVOCATION) and verb == "error":
            self._state.fail(request_id, body)
            return accepted
        if (method, path) == ("GET", f"{_VERSION}/ping"):
            return 200, [("content-type", "text/plain")], b"pong"
        raise Refusal(404, "NotFound", f"The Runtime API has no {method} {path}.")


async def _receive(connection: h11.Connection, reader: asyncio.StreamReader) -> tuple[h11.Request | None, bytes]:
    request: h11.Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_CHUNK))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            if len(body) < MAX_BODY:
                body += event.data
        elif isinstance(event, h11.EndOfMessage):
            return request, bytes(body)
        else:  # the connection was closed
            return None, b""


async def _send(
    connection: h11.Connection,
    writer: asyncio.StreamWriter,
    status: int,
    headers: Iterable[tuple[str, str]],
    body: bytes,
) -> None:
    every = [*headers, ("content-length", str(len(body)))]
    parts = (
        connection.send(h11.Response(status_code=status, headers=every)),
        connection.send(h11.Data(data=body)),
        connection.send(h11.EndOfMessage()),
    )
    writer.write(b"".join(part for part in parts if part))
    await writer.drain()
