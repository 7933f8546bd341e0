"""Hands a request on to the emulator and its answer back, byte for byte, neither ever whole in memory."""

from __future__ import annotations

import asyncio
import html
from collections.abc import AsyncIterator, Iterable
from typing import Protocol

import httpx

from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.serve import Receive, Scope, Send

# RFC 9110, section 7.6.1: these speak of one connection, not of the message.
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_REQUEST_DROPS = _HOP_BY_HOP | {b"expect"}  # our server has answered "100 Continue" already
_RESPONSE_DROPS = _HOP_BY_HOP | {b"date"}  # our server sets it

Pairs = list[tuple[bytes, bytes]]


class ClientGoneError(Exception):
    """The client closed its connection in the middle of its request."""


class Upstream(Protocol):
    """What the proxy needs of an emulator."""

    @property
    def transport(self) -> httpx.AsyncBaseTransport:
        """Sends requests to it."""

    async def available(self) -> None:
        """Wait until it answers; raises EmulatorError."""


class EmulatorProxy:
    """An ASGI app that is the emulator, as far as a client can tell.

    Args:
        upstream: Answers every request; while it restarts, requests wait, and then get 503.

    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; when the client hangs up, the emulator's side ends too."""
        try:
            await self._upstream.available()
        except EmulatorError as problem:
            await answer_unavailable(send, str(problem))
            return
        body = _RequestBody(receive)
        exchange = asyncio.create_task(self._exchange(scope, body, send))
        hangup = asyncio.create_task(body.hangup())
        try:
            await asyncio.wait({exchange, hangup}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hangup.cancel()
            if not exchange.done():
                exchange.cancel()
            await asyncio.wait({exchange, hangup})
        if not exchange.cancelled():
            exchange.result()

    async def _exchange(self, scope: Scope, body: _RequestBody, send: Send) -> None:
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        request = httpx.Request(
            scope["method"],
            "http://emulator/",
            headers=_request_headers(scope["headers"]),
            stream=body,
            # The target as the client wrote it: httpx would normalise an S3 key such as `a/../b`.
            extensions={"target": target, "timeout": httpx.Timeout(None, connect=5.0).as_dict()},
        )
        try:
            response = await self._upstream.transport.handle_async_request(request)
        except ClientGoneError:
            return
        except httpx.TransportError:
            await answer_unavailable(send, "The AWS emulator died while it worked on this request")
            return
        await _relay(response, send)


class _RequestBody(httpx.AsyncByteStream):
    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._complete = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            if message.get("body"):
                yield message["body"]
            more = message.get("more_body", False)
        self._complete.set()

    async def hangup(self) -> None:
        """Wait until the client hangs up, once its request is complete."""
        await self._complete.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def _relay(response: httpx.Response, send: Send) -> None:
    headers = _kept(response.headers.raw, _RESPONSE_DROPS)
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101  the transport is asynchronous
    try:
        async for chunk in stream:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    finally:
        await stream.aclose()
    await send({"type": "http.response.body", "body": b""})


def _request_headers(headers: Iterable[tuple[bytes, bytes]]) -> Pairs:
    received = list(headers)
    kept = _kept(received, _REQUEST_DROPS)
    if any(name.lower() == b"transfer-encoding" for name, _ in received):
        kept.append((b"transfer-encoding", b"chunked"))
    return kept


def _kept(headers: Iterable[tuple[bytes, bytes]], dropped: frozenset[bytes]) -> Pairs:
    pairs = [(name.lower(), value) for name, value in headers]
    listed = {token.strip().lower() for name, value in pairs if name == b"connection" for token in value.split(b",")}
    return [(name, value) for name, value in pairs if name not in dropped and name not in listed]


async def answer_unavailable(send: Send, reason: str) -> None:
    """Answer that the emulator is not there for the moment."""
    # botocore takes an HTML answer for a failure of the service in front, whichever protocol the service speaks,
    # and retries it; JSON would break its XML parsers and XML its JSON parsers.
    body = f"<html><body><h1>503 Service Unavailable</h1><p>{html.escape(reason)}</p></body></html>\n".encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"retry-after", b"1"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
