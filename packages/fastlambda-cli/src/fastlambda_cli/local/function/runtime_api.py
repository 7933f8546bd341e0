"""The Runtime API of one execution environment, on a loopback port of its own.

Routes, status codes and bodies follow the AWS Lambda Developer Guide, "Using the Lambda runtime API for custom
runtimes", and AWS's runtime interface emulator. What a call means is decided by the environment; the HTTP of it is
`wire`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Protocol

from fastlambda_cli.local import failures
from fastlambda_cli.local.function.answers import Answer, Later, Refusal, json_answer
from fastlambda_cli.local.function.extensions import Extensions
from fastlambda_cli.local.function.streams import MODE, Intake, midstream_error, streams
from fastlambda_cli.local.function.wire import Connection, Request
from fastlambda_cli.local.streaming import Source

_VERSION = "/2018-06-01"
_INVOCATION = f"{_VERSION}/runtime/invocation/"
_NEXT = f"{_INVOCATION}next"
_EXTENSION = "/2020-01-01/extension/"
_NOT_SERVED = {"/2020-08-15/logs": "Logs", "/2022-07-01/telemetry": "Telemetry"}
_ACCEPTED = json_answer(202, {"status": "OK"})


class RuntimeState(Protocol):
    """The environment, as its Runtime API sees it."""

    def next_event(self, gone: asyncio.Future[None]) -> Answer | Later:
        """The next event as an answer, or what will get it; so a runtime says that it is done with the last.

        Whoever does not want it any more cancels it.

        Args:
            gone: Is set when the one that asks has hung up.

        """

    def respond(self, request_id: str, payload: bytes) -> None:
        """Take the handler's answer."""

    def stream(self, request_id: str, content_type: str | None, source: Source) -> Intake | None:
        """Take the handler's answer while it comes; None when it is wanted whole.

        Args:
            request_id: The event's.
            content_type: What the runtime says it sends.
            source: Is asked to wait while whoever invoked reads slower.

        """

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
        self._connections: set[Connection] = set()
        self.address = ""

    async def start(self) -> None:
        """Listen on a free loopback port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._answer, self._stream, self._connections), "127.0.0.1", 0
        )
        port = self._server.sockets[0].getsockname()[1]
        self.address = f"127.0.0.1:{port}"

    async def close(self) -> None:
        """Stop listening and drop every connection; a runtime that waits in `/next` is gone by then."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.close()
        await asyncio.gather(*(connection.closed for connection in self._connections))

    def _answer(self, request: Request) -> Answer | Later | Awaitable[Answer]:
        # Keep web pages out: a browser sends Origin, or a Host that is not this address.
        if request.headers["host"] != self.address or "origin" in request.headers:
            raise Refusal(403, "Forbidden", "The Runtime API answers the function's own runtime only.")
        return self._route(request)

    def _stream(self, request: Request, source: Source) -> Intake | None:
        """Say who takes a body while it comes; None where it is to come whole."""
        if request.headers["host"] != self.address or "origin" in request.headers:
            return None  # it is refused when it is there
        request_id, _, verb = request.target.removeprefix(_INVOCATION).partition("/")
        if request.method != "POST" or verb != "response" or not streams(request.headers):
            return None
        return self._state.stream(request_id, request.headers.get("content-type"), source)

    def _route(self, request: Request) -> Answer | Later | Awaitable[Answer]:
        match request.method, request.target:
            case "GET", path if path == _NEXT:
                return self._state.next_event(request.gone)
            case "GET", path if path == f"{_VERSION}/ping":
                return Answer(200, (("content-type", "text/plain"),), b"pong")
            case "POST", path if path.startswith(_INVOCATION):
                self._take_outcome(path.removeprefix(_INVOCATION), request)
            case "POST", path if path == f"{_VERSION}/runtime/init/error":
                self._state.fail_init(request.body)
            case "POST", path if path == f"{_EXTENSION}register":
                return self._extensions.register(request.headers, request.body, self._state.about())
            case "GET", path if path == f"{_EXTENSION}event/next":
                return self._extensions.next(request.headers)
            case "PUT", path if path in _NOT_SERVED:
                name = _NOT_SERVED[path]
                said = {"errorMessage": f"{name} API is not supported", "errorType": f"{name}.NotSupported"}
                return json_answer(202, said)
            case _:
                raise _unknown(request)
        return _ACCEPTED

    def _take_outcome(self, path: str, request: Request) -> None:
        request_id, _, verb = path.partition("/")
        if verb == "error":
            self._state.fail(request_id, request.body)
        elif verb == "response":
            if MODE in request.headers:
                self._take_streamed(request_id, request)
            else:
                self._state.respond(request_id, request.body)
        else:
            raise _unknown(request)

    def _take_streamed(self, request_id: str, request: Request) -> None:
        """Take an answer that has been handed on, or that streams and is wanted whole."""
        error = midstream_error(request.headers) if streams(request.headers) else None
        if request.intake is not None:
            request.intake.end(request.headers)
        elif error is not None:
            self._state.fail(request_id, failures.midstream(error.code, error.details))
        else:
            self._state.respond(request_id, request.body)


def _unknown(request: Request) -> Refusal:
    return Refusal(404, "NotFound", f"The Runtime API has no {request.method} {request.target}.")
