"""The Runtime API of one execution environment, on a loopback port of its own.

Routes, status codes and bodies follow the AWS Lambda Developer Guide, "Using the Lambda runtime API for custom
runtimes", and AWS's runtime interface emulator. What a call means is decided by the environment; this module only
speaks HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import h11

from fastlambda_cli.local.function.answers import Answer, Refusal, json_answer
from fastlambda_cli.local.function.extensions import Extensions

_VERSION = "/2018-06-01"
_INVOCATION = f"{_VERSION}/runtime/invocation/"
_EXTENSION = "/2020-01-01/extension/"
_NOT_SERVED = {"/2020-08-15/logs": "Logs", "/2022-07-01/telemetry": "Telemetry"}
_ACCEPTED = json_answer(202, {"status": "OK"})
_CHUNK = 64 * 1024
MAX_BODY = 8 * 1024 * 1024
"""Bytes read of any one body: above the answer's own limit, so that the environment can judge that one."""


@dataclass(frozen=True, slots=True)
class Event:
    """What `/next` hands to the runtime."""

    payload: bytes
    headers: tuple[tuple[str, str], ...]


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

    def about(self) -> Mapping[str, str]:
        """What an extension is told of the function when it registers."""


class RuntimeApi:
    """Serves one runtime process; `address` is the value of AWS_LAMBDA_RUNTIME_API.

    Args:
        state: Decides what a call of the runtime means.
        extensions: Those that the process registers.

    """

    def __init__(self, state: RuntimeState, extensions: Extensions) -> None:
        self._state = state
        self._extensions = extensions
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
        connection = h11.Connection(h11.SERVER)
        try:
            # A runtime that dies and our own close end the connection and nothing else.
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await self._converse(connection, reader, writer)
        except h11.RemoteProtocolError as problem:
            if connection.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
                refusal = Refusal(problem.error_status_hint, "InvalidRequest", str(problem))
                with contextlib.suppress(ConnectionError):
                    await _send(connection, writer, refusal.answer)
        finally:
            self._connections.discard(task)
            writer.close()

    async def _converse(
        self, connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            request, body = await _receive(connection, reader, writer)
            if request is None:
                return
            await _send(connection, writer, await self._answer(request, body))
            if connection.our_state is h11.MUST_CLOSE:
                return
            connection.start_next_cycle()

    async def _answer(self, request: h11.Request, body: bytes) -> Answer:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}
        try:
            self._guard(headers)
            return await self._route(f"{request.method.decode()} {request.target.decode('latin-1')}", headers, body)
        except Refusal as refusal:
            return refusal.answer

    def _guard(self, headers: Mapping[str, str]) -> None:
        """Keep web pages out: a browser sends Origin, or a Host that is not this address."""
        if headers.get("host") != self.address or "origin" in headers:
            raise Refusal(403, "Forbidden", "The Runtime API answers the function's own runtime only.")

    async def _route(self, called: str, headers: Mapping[str, str], body: bytes) -> Answer:
        match called.split(" ", 1):
            case ["GET", path] if path == f"{_INVOCATION}next":
                event = await self._state.next_event()
                return Answer(200, (("content-type", "application/json"), *event.headers), event.payload)
            case ["GET", path] if path == f"{_VERSION}/ping":
                return Answer(200, (("content-type", "text/plain"),), b"pong")
            case ["POST", path] if path.startswith(_INVOCATION):
                self._take_outcome(path.removeprefix(_INVOCATION), headers, body)
            case ["POST", path] if path == f"{_VERSION}/runtime/init/error":
                self._state.fail_init(body)
            case [_, path] if path.startswith(_EXTENSION):
                return await self._route_of_extensions(called, headers, body)
            case ["PUT", path] if path in _NOT_SERVED:
                name = _NOT_SERVED[path]
                said = {"errorMessage": f"{name} API is not supported", "errorType": f"{name}.NotSupported"}
                return json_answer(202, said)
            case _:
                raise _unknown(called)
        return _ACCEPTED

    async def _route_of_extensions(self, called: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if called == f"POST {_EXTENSION}register":
            return self._extensions.register(headers, body, self._state.about())
        if called == f"GET {_EXTENSION}event/next":
            return await self._extensions.next(headers)
        raise _unknown(called)

    def _take_outcome(self, path: str, headers: Mapping[str, str], body: bytes) -> None:
        request_id, _, verb = path.partition("/")
        if verb == "error":
            self._state.fail(request_id, body)
        elif verb == "response":
            mode = headers.get("lambda-runtime-function-response-mode", "streaming")
            if mode != "streaming":
                raise Refusal(400, "InvalidFunctionResponseMode", f"Invalid response mode: {mode}")
            self._state.respond(request_id, body)
        else:
            raise _unknown(f"POST {_INVOCATION}{path}")


def _unknown(called: str) -> Refusal:
    return Refusal(404, "NotFound", f"The Runtime API has no {called}.")


async def _receive(
    connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[h11.Request | None, bytes]:
    request: h11.Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if connection.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
                writer.write(connection.send(go_on) or b"")
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


async def _send(connection: h11.Connection, writer: asyncio.StreamWriter, answer: Answer) -> None:
    headers = [*answer.headers, ("content-length", str(len(answer.body)))]
    parts = (
        connection.send(h11.Response(status_code=answer.status, headers=headers)),
        connection.send(h11.Data(data=answer.body)),
        connection.send(h11.EndOfMessage()),
    )
    writer.write(b"".join(part for part in parts if part))
    await writer.drain()
