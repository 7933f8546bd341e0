"""One request and its answer on the wire, and what there is to tell about them afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastlambda_cli.local.http.kinds import Kind
from fastlambda_cli.local.http.payload import Gateway
from fastlambda_cli.local.http.request import HttpRequest
from fastlambda_cli.local.http.response import WITHOUT_BODY, Answer
from fastlambda_cli.local.http.streaming import Rest, StreamedAnswer
from fastlambda_cli.local.model import HttpExchange
from fastlambda_cli.local.serve import Message, Receive, Send


class ClientLeftError(Exception):
    """The client closed its connection: there is nobody to answer."""


def head(answer: Answer, naming: str, request_id: str) -> list[tuple[bytes, bytes]]:
    """Encode an answer's headers; every answer names its request, in the header `naming`."""
    headers = [*answer.headers, (naming, request_id)]
    if answer.status not in WITHOUT_BODY and not isinstance(answer, StreamedAnswer):
        headers.append(("content-length", str(len(answer.body))))
    return [(name.encode("ascii"), value.encode("utf-8")) for name, value in headers]


class Exchange:
    """One request and its answer, in the making.

    Attributes:
        request: The request's head.
        api_request_id: The gateway's id for it.
        request_id: Lambda's id, once the function was called.
        cold: True when the event waited for an INIT.
        running: True when the function runs on and has not answered.
        gateway: The API and its stage, once a route was found.
        integration_ms: How long the function was waited for.
        integration_error: What API Gateway would say went wrong with the function.
        route_key: The route, once it was found.
        authorizer: What an authorizer said of who asks.
        principal: Who asks, where a Lambda authorizer said so.
        authorizer_error: Why an authorizer refused.
        arrived_at: When the request arrived, in seconds of the epoch.

    """

    def __init__(self, request: HttpRequest, receive: Receive, send: Send, kind: Kind) -> None:
        self.request = request
        self.api_request_id = kind.new_id()
        self.request_id: str | None = None
        self.cold = False
        self.running = False
        self.gateway: Gateway | None = None
        self.integration_ms: float | None = None
        self.integration_error: str | None = None
        self.route_key: str | None = None
        self.authorizer: Mapping[str, Any] | None = None
        self.principal: str | None = None
        self.authorizer_error: str | None = None
        self.arrived_at = time.time()
        self._kind = kind
        self._receive = receive
        self._send = send
        self._received = time.perf_counter()

    @property
    def duration_ms(self) -> float:
        """How long ago the last byte of the request came."""
        return (time.perf_counter() - self._received) * 1000

    async def read_body(self, limit: int) -> bytes | None:
        """Read the whole body; None when it is larger than `limit` bytes.

        Raises:
            ClientLeftError: The client closed its connection first.

        """
        if int(self.request.header("content-length", "0")) > limit:
            return None
        body = bytearray()
        more = True
        while more:
            part = await self._receive()
            if part["type"] == "http.disconnect":
                raise ClientLeftError("the client closed its connection while it sent the body")
            body += part.get("body", b"")
            if len(body) > limit:
                return None
            more = part.get("more_body", False)
        self._received = time.perf_counter()
        return bytes(body)

    @contextlib.asynccontextmanager
    async def watch_client(self) -> AsyncIterator[asyncio.Task[Message]]:
        """Give a task that ends when the client closes its connection."""
        left = asyncio.ensure_future(self._receive())
        try:
            yield left
        finally:
            left.cancel()
            await asyncio.wait({left})

    async def send(self, answer: Answer) -> str | None:
        """Send the answer, with the headers the gateway adds to every one; return why it did not leave whole, if so."""
        headers = head(answer, self._kind.request_id_header, self.api_request_id)
        await self._send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if isinstance(answer, StreamedAnswer) and answer.rest is not None:
            return await self._send_streamed(answer, answer.rest)
        await self._send({"type": "http.response.body", "body": answer.body})
        return None

    async def _send_streamed(self, answer: StreamedAnswer, rest: Rest) -> str | None:
        has_body = answer.status not in WITHOUT_BODY
        async with self.watch_client() as left:
            sending = asyncio.ensure_future(self._send_pieces(answer.body, rest.pieces, has_body=has_body))
            try:
                await asyncio.wait({sending, left}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not sending.done():
                    sending.cancel()
                    await asyncio.wait({sending})
                rest.stream.abandon()
        if sending.cancelled():
            self.running = not rest.running.done()
            return "the client closed its connection in the middle of the answer; the function runs on"
        sending.result()
        problem = await rest.problem()
        if problem is None:
            await self._send({"type": "http.response.body", "body": b""})
        # Else the answer never ends, and the server closes the connection: so does a client learn that some is missing.
        return problem

    async def _send_pieces(self, first: bytes, pieces: AsyncIterator[bytes], *, has_body: bool) -> None:
        if first and has_body:
            await self._send({"type": "http.response.body", "body": first, "more_body": True})
        async for piece in pieces:
            if has_body:
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    def report(self, status: int, error: str | None) -> HttpExchange:
        """Say how it went, now that it is over."""
        url_of = self.gateway.url_of if self.gateway else None
        api = self.gateway if url_of is None else None
        return HttpExchange(
            method=self.request.method,
            path=self.request.target,
            status=status,
            duration_ms=self.duration_ms,
            api_request_id=self.api_request_id,
            request_id=self.request_id,
            cold=self.cold,
            error=error,
            running=self.running,
            api_id=api.api_id if api else None,
            stage=api.stage if api else "",
            integration_ms=self.integration_ms,
            url_of=url_of,
        )
