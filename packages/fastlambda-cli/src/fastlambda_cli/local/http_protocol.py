"""HTTP/1.1 of the servers on this machine: uvicorn's protocol on llhttp, which parses in C, with stricter manners.

llhttp takes heads of any length and requests without a Host, and uvicorn parses targets as URLs, which they
need not be: here a head has a limit, a request one Host, and a target is what the client wrote.
"""

from __future__ import annotations

import asyncio
import http
import sys
import urllib.parse
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeAlias, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from fastlambda_cli.local.alarm import Alarm
from fastlambda_cli.local.http_shortcut import Shortcut, Whole
from fastlambda_cli.local.http_whole import WholeRequest, whole_request

Headers: TypeAlias = Iterable[tuple[bytes, bytes]]
Malformed: TypeAlias = Callable[[int, str], tuple[Headers, bytes]]
"""Answers what is not HTTP: takes the status (400, 431, 501, 505) and the reason, returns all headers and the body."""

_HOSTLESS = "1.0"
_HEAD_WAITS_S = 0.002
_STATUS_LINES = {each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n".encode() for each in http.HTTPStatus}
_VERSIONS = frozenset({_HOSTLESS, "1.1"})


class _MalformedError(ValueError):
    """A request that llhttp would take."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def http_protocol(  # noqa: C901 - one class
    malformed: Malformed, max_header_bytes: int, shortcut: Shortcut | None = None
) -> type[asyncio.Protocol]:
    """Make the protocol of a server.

    Args:
        malformed: Answers what is not HTTP.
        max_header_bytes: How long a request line with its headers may be while it is still incomplete.
        shortcut: Is offered requests before the app.

    """

    class Protocol(HttpToolsProtocol):
        _in_head = False
        _in_message = False
        _begun = 0
        _head_bytes = 0
        _whole: Whole | None = None
        _declined = False

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self._idle = Alarm(self.timeout_keep_alive_handler)
            self._answers = _HeadWithBody(cast("asyncio.Transport", transport))
            super().connection_made(self._answers)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self._idle.end()

        def data_received(self, data: bytes) -> None:
            if shortcut is not None and not self._in_message and self._is_idle() and self._take(data):
                return
            self._begun = 0
            follows = self._in_message and not self._in_head
            super().data_received(data)
            if not self._in_head or self.transport.is_closing():
                return
            # Where the head began behind something else, nobody knows how much of this is its own.
            if not follows and self._begun <= 1:
                self._head_bytes += len(data)
            if self._head_bytes > max_header_bytes:
                self._answer_malformed(431, "The request line and the headers are too long")

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._begun += 1
            self._in_head = self._in_message = True
            self._head_bytes = 0

        def on_body(self, body: bytes) -> None:
            if self._whole is None:
                super().on_body(body)
            elif not self._whole.take(body):
                self._leave_to_app(self._whole)

        def on_message_complete(self) -> None:
            self._in_message = False
            if (whole := self._whole) is not None:
                whole.keep_alive = self.parser.get_http_version() != _HOSTLESS and self.parser.should_keep_alive()
                if self._begin(whole, WholeRequest(self.url, whole.headers, bytes(whole.body))):
                    return
                self._leave_to_app(whole)
            super().on_message_complete()

        def on_headers_complete(self) -> None:
            self._in_head = False
            _check(self.parser.get_http_version(), self.headers)
            declined, self._declined = self._declined, False
            headers = dict(self.headers)
            simple = not declined and self._is_simple() and len(headers) == len(self.headers)
            if simple and shortcut is not None and shortcut.wants(self.parser.get_method(), self.url):
                self._whole = Whole(headers)
            else:
                self._start_for_app()

        def on_header(self, name: bytes, value: bytes) -> None:
            # Trailers, which llhttp gives here too, are no headers (RFC 9110, "Trailer Fields").
            if self._in_head:
                super().on_header(name, value)

        def _is_idle(self) -> bool:
            cycle: RequestResponseCycle | None = self.cycle
            return cycle is None or cycle.response_complete

        def _is_simple(self) -> bool:
            return self._is_idle() and not self.expect_100_continue and not self.parser.should_upgrade()

        def _take(self, data: bytes) -> bool:
            request = whole_request(data)
            assert shortcut is not None  # noqa: S101 - whoever calls this knows
            if request is None or not shortcut.wants(b"POST", request.target):
                return False
            self._idle.clear()
            self._declined = not self._begin(Whole(request.headers), request)
            return not self._declined

        def _begin(self, whole: Whole, request: WholeRequest) -> bool:
            def answer(status: int, headers: Headers, body: bytes) -> None:
                if whole.response_complete:  # what has failed here may be answered there all the same
                    return
                whole.response_started = whole.response_complete = True
                if not whole.disconnected:
                    length = (b"content-length", b"%d" % len(body))
                    self._answers.whole(self._head(status, (*headers, length), keep_alive=whole.keep_alive) + body)
                    if not whole.keep_alive:
                        self.transport.close()
                    self.on_response_complete()

            assert shortcut is not None  # noqa: S101 - it has wanted the request
            before = self.cycle
            self.cycle = cast("RequestResponseCycle", whole)
            try:
                taken = shortcut.begin(*request, answer)
            except Exception as problem:  # noqa: BLE001 - llhttp would make a client's mistake of it
                told = {"message": "A request could not be taken", "exception": problem}
                self.loop.call_exception_handler(told)
                whole.keep_alive = False
                answer(500, (), b"Internal Server Error")
                taken = True
            if taken:
                self._whole = None
            else:
                self.cycle = before
            return taken

        def _leave_to_app(self, whole: Whole) -> None:
            self._whole = None
            self._start_for_app()
            if whole.body:
                super().on_body(bytes(whole.body))

        def _head(self, status: int, headers: Headers, *, keep_alive: bool) -> bytes:
            lines = [_STATUS_LINES[status], _lines(tuple(self.server_state.default_headers))]
            lines += [b"%s: %s\r\n" % pair for pair in headers]
            lines.append(b"\r\n" if keep_alive else b"connection: close\r\n\r\n")
            return b"".join(lines)

        def _start_for_app(self) -> None:
            self._write_up()
            raw_path, _, query = self.url.partition(b"?")
            path = raw_path.decode("ascii")
            self.url = b"/"
            super().on_headers_complete()
            # The request's task begins in the loop's next round, and sees these.
            self.scope["path"] = urllib.parse.unquote(path) if "%" in path else path
            self.scope["raw_path"], self.scope["query_string"] = raw_path, query

        def _write_up(self) -> None:
            try:
                if shortcut is not None:
                    shortcut.write_up()
            except Exception as problem:  # noqa: BLE001 - llhttp would make a client's mistake of it
                told = {"message": "What was answered could not be logged", "exception": problem}
                self.loop.call_exception_handler(told)

        def _unset_keepalive_if_required(self) -> None:
            self._idle.clear()

        def on_response_complete(self) -> None:
            # As uvicorn's, but for the timer, and for the head of an answer that has no body.
            self._answers.flush()
            self.server_state.total_requests += 1
            if self.transport.is_closing():
                return
            self.flow.resume_reading()
            if self.pipeline:
                self._start_asgi_task(*self.pipeline.pop())
            else:
                self._idle.set(self.timeout_keep_alive)

        def send_400_response(self, msg: str) -> None:
            problem = sys.exception()  # uvicorn calls this while it handles llhttp's verdict
            cause = problem.__context__ if isinstance(problem, httptools.HttpParserCallbackError) else problem
            status = cause.status if isinstance(cause, _MalformedError) else 400
            self._answer_malformed(status, str(cause or msg))

        def _answer_malformed(self, status: int, reason: str) -> None:
            cycle: RequestResponseCycle | None = self.cycle
            if cycle is not None and not cycle.response_complete and (cycle.response_started or not cycle.more_body):
                cycle.keep_alive = False  # an earlier request gets its answer first, and it is the last
                return
            headers, body = malformed(status, reason)
            self._answers.whole(self._head(status, headers, keep_alive=False) + body)
            self.transport.close()

    return Protocol


class _HeadWithBody(asyncio.Transport):
    """A connection on which an answer's head waits for its body, so that both leave in one packet.

    uvicorn writes them one after the other, and the client would be woken twice. It does not wait long: where the body
    takes its time, the head goes ahead.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self._head = b""
        self._long_enough = Alarm(self.flush)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._long_enough.clear()
            self._transport.write(head + bytes(data))
        elif bytes(data[:5]) == b"HTTP/":
            self._head = bytes(data)
            self._long_enough.set(_HEAD_WAITS_S)
        else:
            self._transport.write(data)

    def whole(self, data: bytes) -> None:
        """Write an answer that is there from its head to its end."""
        self.flush()
        self._transport.write(data)

    def flush(self) -> None:
        """Let the head go ahead, if it waits."""
        head, self._head = self._head, b""
        if head:
            self._long_enough.clear()
            self._transport.write(head)

    def close(self) -> None:
        self.flush()
        self._long_enough.end()
        self._transport.close()

    def abort(self) -> None:
        self._long_enough.end()
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()


@lru_cache(maxsize=2)
def _lines(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """The headers of every answer of a second."""
    return b"".join(b"%s: %s\r\n" % pair for pair in headers)


def _check(version: str, headers: Headers) -> None:
    if version not in _VERSIONS:
        raise _MalformedError(505, f"HTTP/{version} is not spoken here")
    hosts = 0
    for name, value in headers:
        if name == b"host":
            hosts += 1
        elif name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            raise _MalformedError(501, "No transfer coding but chunked is understood")
    if hosts > 1 or (not hosts and version != _HOSTLESS):
        raise _MalformedError(400, "A request has one Host")
