"""The HTTP API, or the URL, in front of a function: an ASGI app with AWS's limits and its own answers."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

from fastlambda_cli.local.failures import error_message, summary
from fastlambda_cli.local.http import payload, streaming
from fastlambda_cli.local.http.access_log import AccessLog
from fastlambda_cli.local.http.authorizing import Refused
from fastlambda_cli.local.http.exchange import ClientLeftError, Exchange, head
from fastlambda_cli.local.http.formats import Payloads
from fastlambda_cli.local.http.guard import refusal
from fastlambda_cli.local.http.kinds import HTTP_API, MAX_EVENT_BYTES, Kind
from fastlambda_cli.local.http.request import HttpRequest, from_scope
from fastlambda_cli.local.http.response import Answer, MalformedResponseError, message
from fastlambda_cli.local.http.routing import Route, Router, TurnedAway
from fastlambda_cli.local.http_protocol import Headers
from fastlambda_cli.local.model import (
    HttpExchange,
    Invocation,
    InvokeResult,
    RefusedError,
    Sink,
    ThrottledError,
)
from fastlambda_cli.local.serve import Receive, Scope, Send, Served, serve
from fastlambda_cli.local.streaming import ResponseStream

LABEL = "The HTTP API"
"""What people read in messages about it."""

_MALFORMED = {
    431: "Request Header Fields Too Large",
    501: "Not Implemented",
    505: "HTTP Version Not Supported",
}

CLIENT_CLOSED_REQUEST = 499
"""What the log says when the client left before its answer; no client ever receives it."""


_FAILED = "The Lambda function returned the following error: %s. Check your Lambda function code and try again."
_MALFORMED_RESPONSE = "The response from the Lambda function doesn't match the format that API Gateway expects."


class HttpApi:
    """An HTTP API or function URLs: finds the route of each request and invokes the function behind it.

    It is a context manager: on exit, invocations that nobody waits for any more are given up.

    Args:
        router: Finds the route of a request.
        sink: Is told an `HttpExchange` for every request, after its answer left.
        kind: Which of the two.

    """

    def __init__(self, router: Router, sink: Sink, kind: Kind = HTTP_API) -> None:
        self._router = router
        self._sink = sink
        self._kind = kind
        self._invocations: set[asyncio.Future[InvokeResult]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for invocation in self._invocations:
            invocation.cancel()
        if self._invocations:
            await asyncio.wait(self._invocations)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3, `http` scopes)."""
        exchange = Exchange(from_scope(scope), receive, send, self._kind)
        log: AccessLog | None = None
        try:
            answer, log = await self._answer(exchange)
        except ClientLeftError as left:
            self._sink(exchange.report(CLIENT_CLOSED_REQUEST, str(left)))
            return
        except Exception as problem:
            # Ours, not the function's: the client gets what AWS would give, and the server reports the rest.
            await exchange.send(self._kind.failed(repr(problem)))
            self._sink(exchange.report(500, repr(problem)))
            raise
        cut = await exchange.send(answer)
        self._sink(exchange.report(answer.status, cut or answer.error))
        if log is not None:
            self._sink(log.line(exchange, answer))

    def malformed(self, status: int, reason: str) -> tuple[Headers, bytes]:
        """Answer what is not HTTP, for `serve`: `status` is 400, 431, 501 or 505."""
        request_id = self._kind.new_id()
        answer = self._kind.own(status, _MALFORMED.get(status, "Bad Request"), error=reason)
        self._sink(HttpExchange("-", "-", status, 0.0, request_id, error=reason))
        return head(answer, self._kind.request_id_header, request_id), answer.body

    async def _answer(self, exchange: Exchange) -> tuple[Answer, AccessLog | None]:
        request = exchange.request
        if early := self._refuse(request):
            return early, None
        route = await self._router(request)
        if isinstance(route, Answer):
            return route, None
        if isinstance(route, TurnedAway):
            exchange.integration_error = route.integration_error
            return route.answer, route.log
        exchange.gateway, exchange.route_key = route.gateway, route.match.route_key
        answer = await self._admit(exchange, route)
        return route.cors.applied(answer, request) if route.cors else answer, route.log

    async def _admit(self, exchange: Exchange, route: Route) -> Answer:
        request = exchange.request
        if not route.admits():
            return message(429, "Too Many Requests", error="more requests than the throttling limits let through")
        check_body = None
        if route.authorize is not None:
            decision = await route.authorize(request, exchange.api_request_id)
            if isinstance(decision, Refused):
                exchange.authorizer_error = decision.reason
                return decision.answer
            exchange.authorizer, exchange.principal = decision.context, decision.principal
            check_body = decision.check_body
        if route.cors and (preflight := route.cors.preflight(request)):
            return preflight
        body = await exchange.read_body(self._kind.max_body_bytes)
        if body is None:
            return self._too_large(f"the body is larger than AWS's {self._kind.max_body_bytes:,} bytes")
        if check_body is not None and (refused := check_body(body)) is not None:
            exchange.authorizer, exchange.authorizer_error = None, refused.reason
            return refused.answer
        return await self._forward(exchange, route, body)

    async def _forward(self, exchange: Exchange, route: Route, body: bytes) -> Answer:
        request = exchange.request
        received = payload.received(request, body, exchange.api_request_id, time.time())
        event = route.payloads.event(received, gateway=route.gateway, match=route.match, authorizer=exchange.authorizer)
        encoded = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        if len(encoded) > MAX_EVENT_BYTES:
            return self._too_large(f"the event is {len(encoded):,} bytes, more than Lambda's {MAX_EVENT_BYTES:,}")
        invocation = Invocation(encoded, trace_header=received.trace)
        if self._kind.invocation_id:
            invocation = invocation._replace(request_id=exchange.api_request_id)
        if route.streams:
            return await self._stream(exchange, route, invocation)
        return await self._integrate(exchange, route, invocation)

    def _refuse(self, request: HttpRequest) -> Answer | None:
        own, limit = self._kind.own, self._kind.max_head_bytes
        if reason := refusal(request):
            return own(403, f"Forbidden: {reason}", error=reason)
        if limit is not None and request.size > limit:
            error = f"request line and headers are {request.size:,} bytes, more than {limit:,}"
            if request.line_size > limit:
                return own(414, "Request-URI Too Long", error=error)
            return own(431, "Request Header Fields Too Large", error=error)
        if not request.target.startswith("/"):
            return own(400, "Bad Request", error=f"{request.target!r} is no path")
        return None

    def _too_large(self, error: str) -> Answer:
        return self._kind.own(413, "Request Entity Too Large", error=error)

    async def _integrate(self, exchange: Exchange, route: Route, invocation: Invocation) -> Answer:
        """Wait for the function, but neither longer than AWS does nor longer than the client."""
        early: asyncio.Future[InvokeResult] = asyncio.get_running_loop().create_future()

        async def answer(result: InvokeResult) -> None:
            early.set_result(result)

        task = self._invoked(route, invocation._replace(early=answer))
        exchange.request_id = invocation.request_id
        called = time.perf_counter()
        async with exchange.watch_client() as left:
            try:
                over: set[asyncio.Future[Any]] = {task, early, left}
                await asyncio.wait(over, timeout=route.timeout_s, return_when=asyncio.FIRST_COMPLETED)
            finally:
                exchange.integration_ms = (time.perf_counter() - called) * 1000
                if not task.done():
                    task.add_done_callback(_report_orphan)
            exchange.running = not (task.done() or early.done())
            if exchange.running:
                if left.done():
                    raise ClientLeftError("the client closed its connection; the function runs on")
                seconds = f"{route.timeout_s:g}"
                return message(503, "Service Unavailable", error=f"no answer within {seconds} s; it runs on")
        return self._concluded(exchange, task if task.done() else early, route.payloads)

    def _invoked(self, route: Route, invocation: Invocation) -> asyncio.Future[InvokeResult]:
        task = asyncio.ensure_future(route.invoke(invocation))
        self._invocations.add(task)
        task.add_done_callback(self._invocations.discard)
        return task

    async def _stream(self, exchange: Exchange, route: Route, invocation: Invocation) -> Answer:
        """Wait for the beginning of an answer that streams, but no longer than the client."""
        stream = ResponseStream()
        early: asyncio.Future[InvokeResult] = asyncio.get_running_loop().create_future()

        async def answer(result: InvokeResult) -> None:
            early.set_result(result)
            stream.close()

        task = self._invoked(route, invocation._replace(stream=stream, early=answer))
        task.add_done_callback(lambda _: stream.close())
        exchange.request_id = invocation.request_id
        called = time.perf_counter()
        async with exchange.watch_client() as left:
            beginning = asyncio.ensure_future(streaming.begin(stream, task))
            try:
                await asyncio.wait({beginning, left}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                exchange.integration_ms = (time.perf_counter() - called) * 1000
                if not task.done():
                    task.add_done_callback(_report_orphan)
                if not beginning.done():
                    beginning.cancel()
                    await asyncio.wait({beginning})
                    stream.abandon()
            if beginning.cancelled():
                exchange.running = True
                raise ClientLeftError("the client closed its connection; the function runs on")
        try:
            begun = beginning.result()
        except MalformedResponseError as problem:
            stream.abandon()
            return self._kind.failed(f"malformed response of the function: {problem}")
        exchange.cold = stream.cold
        if begun is not None:
            return begun
        return self._concluded(exchange, task if task.done() else early, route.payloads)

    def _concluded(self, exchange: Exchange, done: asyncio.Future[InvokeResult], payloads: Payloads) -> Answer:
        try:
            result = done.result()
        except ThrottledError:
            exchange.request_id = None
            return self._kind.throttled("the function was throttled")
        except RefusedError as problem:
            exchange.request_id = None
            return self._kind.failed(f"Lambda refused the invocation: {problem}")
        exchange.cold = result.cold
        return self._converted(exchange, result, payloads)

    def _converted(self, exchange: Exchange, result: InvokeResult, payloads: Payloads) -> Answer:
        if result.function_error:
            exchange.integration_error = _FAILED % error_message(result.payload)
            return self._kind.failed(f"the function failed: {summary(result.payload)}")
        try:
            return payloads.answer(result.payload)
        except MalformedResponseError as problem:
            exchange.integration_error = f"{_MALFORMED_RESPONSE} {problem}"
            return self._kind.failed(f"malformed response of the function: {problem}")


@asynccontextmanager
async def serve_http_api(
    router: Router, sink: Sink, port: int = 0, *, listener: socket.socket | None = None
) -> AsyncIterator[Served]:
    """Serve an HTTP API on 127.0.0.1 while the block runs; the parameters are those of `HttpApi` and `serve`.

    Raises:
        PortTakenError: Another process listens on the port.
        FastLambdaError: The port cannot be used for another reason.

    """
    async with (
        HttpApi(router, sink) as api,
        serve(api, port, label=LABEL, listener=listener, malformed=api.malformed) as served,
    ):
        yield served


def _report_orphan(invocation: asyncio.Future[InvokeResult]) -> None:
    """An invocation that nobody waits for may still fail for a reason of ours, and that must be seen."""
    if invocation.cancelled():
        return
    problem = invocation.exception()
    if problem and not isinstance(problem, ThrottledError | RefusedError):
        invocation.get_loop().call_exception_handler(
            {"message": "An invocation failed after its client was answered", "exception": problem}
        )
