"""HTTP/1.1 on the wire of an execution environment: what a runtime sends comes in as requests, answers go out.

Two requests of the Runtime API belong to every event, so their cost is in every event's time: they are parsed by
llhttp, in C, and an answer that is known at once is written at once.
"""

from __future__ import annotations

import asyncio
import functools
import http
import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, TypeAlias, cast

import httptools

from fastlambda_cli.local.function.answers import Answer, Later, Refusal
from fastlambda_cli.local.function.streams import MODE, Intake
from fastlambda_cli.local.streaming import Source

MAX_HEAD = 64 * 1024
"""Bytes of a request line with its headers."""
MAX_BODY = 8 * 1024 * 1024
"""Bytes read of any one body: above the answer's own limit, so that the environment can judge that one."""

_MOST_WAITING = 16
"""Requests that a client may send before the first of them is answered; runtimes send none."""
_MOST_HEADS = 64
_POSTED = re.compile(rb"POST (/[A-Za-z0-9/.-]{1,200}) HTTP/1\.1\r\n(.*?)\r\n\r\n", re.DOTALL)
_STATUS_LINES = {each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n" for each in http.HTTPStatus}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Request(NamedTuple):
    """A request.

    Attributes:
        headers: By their names in lower case.
        gone: Is set when its client has hung up.
        intake: Has taken the body while it came; without one, `body` is all of it.

    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    keeps_alive: bool
    gone: asyncio.Future[None]
    intake: Intake | None = None


Answering: TypeAlias = Callable[[Request], Answer | Later | Awaitable[Answer]]
Streaming: TypeAlias = Callable[[Request, Source], Intake | None]
"""Says who takes the body of a request that streams while it comes; None lets it come whole."""


class Connection(asyncio.Protocol):
    """One client.

    Args:
        answer: Answers a request, at once or later.
        stream: Is asked about a request that streams, before its body comes.
        connections: Every open connection, which this one joins and leaves.

    Attributes:
        closed: Is set when the client or this side has hung up.

    """

    def __init__(self, answer: Answering, stream: Streaming, connections: set[Connection]) -> None:
        self._answer = answer
        self._stream = stream
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._intake: Intake | None = None
        self._in_message = False
        self._in_head = False
        self._head_size = 0
        self._ended = False
        self._waiting: deque[Request] = deque()
        self._pending: asyncio.Future[Answer] | Later | None = None
        self._known: tuple[bytes, Request] | None = None
        self._heads: dict[bytes, tuple[Mapping[str, str], int]] = {}

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    # asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        """End: nobody waits for the answer any more."""
        self._connections.discard(self)
        if self._pending is not None:
            self._pending.cancel()
        if self._intake is not None:
            self._intake.lost()
        self.closed.set_result(None)

    def eof_received(self) -> bool:
        """Keep the connection when a client that has sent everything still waits for its answer."""
        self._ended = True
        return self._pending is not None

    def data_received(self, data: bytes) -> None:
        """Parse what came, and answer the requests that are complete."""
        if not self._in_message and (request := self._come_before(data)) is not None:
            self._waiting.append(request)
        elif not self._parse(data):
            return
        if len(self._waiting) > _MOST_WAITING:
            self._refuse(Refusal(400, "InvalidRequest", "Too many requests at once."))
        elif self._pending is None:
            self._go_on()

    def _come_before(self, data: bytes) -> Request | None:
        """The request that this is, if one with this head was parsed before: a runtime sends hardly any other."""
        if self._known is not None and data == self._known[0]:
            return self._known[1]
        posted = _POSTED.match(data)
        headers, length = (None, 0) if posted is None else self._heads.get(posted[2], (None, 0))
        if posted is None or headers is None or len(data) - posted.end() != length:
            return None
        return Request(
            "POST", posted[1].decode("ascii"), headers, data[posted.end() :], keeps_alive=True, gone=self.closed
        )

    def _parse(self, data: bytes) -> bool:
        """Put the requests that are complete into their row; whether they are HTTP."""
        begins, before = not self._in_message, len(self._waiting)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as problem:
            self._refuse(Refusal(400, "InvalidRequest", str(problem.__context__ or problem)))
            return False
        self._head_size += len(data)
        if self._in_head and self._head_size > MAX_HEAD:
            self._refuse(Refusal(431, "InvalidRequest", "The headers are too large."))
            return False
        if begins and not self._in_message and len(self._waiting) == before + 1:
            self._learn(data, self._waiting[-1])
        return True

    def _learn(self, data: bytes, request: Request) -> None:
        """Remember how a request was written: every `/next` of a runtime comes again, and the head of its answers."""
        if not request.keeps_alive or MODE in request.headers:
            return
        if not request.body:
            self._known = data, request
            return
        posted = _POSTED.match(data)
        if posted is None or data[posted.end() :] != request.body or "expect" in request.headers:
            return
        if len(self._heads) >= _MOST_HEADS:
            self._heads.clear()
        self._heads[posted[2]] = request.headers, len(request.body)

    # llhttp's side.

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._target, self._headers, self._body = b"", {}, bytearray()
        self._in_message = self._in_head = True
        self._head_size = 0

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        key = name.decode("latin-1").lower()
        if key == "host" and key in self._headers:
            raise ValueError("A request has one Host.")
        self._headers[key] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Have the client send its body, where it waits for that."""
        self._in_head = False
        if "host" not in self._headers:
            raise ValueError("A request has a Host.")
        if self._headers.get("expect", "").lower() == "100-continue":
            self._transport.write(_CONTINUE)
        if MODE in self._headers and self._pending is None and not self._waiting:
            self._begin_stream()

    def _begin_stream(self) -> None:
        method, target = self._parser.get_method().decode("latin-1"), self._target.decode("latin-1")
        request = Request(method, target, self._headers, b"", keeps_alive=True, gone=self.closed)
        try:
            self._intake = self._stream(request, self._transport)
        except Refusal:
            return  # as it will be again, when the request is there

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, and drop what is too much of it."""
        if self._intake is not None:
            self._intake.take(body)
        elif len(self._body) < MAX_BODY:
            self._body += body

    def on_message_complete(self) -> None:
        """Put the request into its row."""
        self._in_message = False
        method, keeps_alive = self._parser.get_method().decode("latin-1"), self._parser.should_keep_alive()
        target, body = self._target.decode("latin-1"), bytes(self._body)
        self._waiting.append(Request(method, target, self._headers, body, keeps_alive, self.closed, self._intake))
        self._intake = None

    # Answers.

    def _go_on(self) -> None:
        """Answer what waits, until an answer has to be waited for."""
        while self._waiting and not self._transport.is_closing():
            request = self._waiting.popleft()
            try:
                answer = self._answer(request)
            except Refusal as refusal:
                answer = refusal.answer
            if isinstance(answer, Later):
                self._pending = answer
                answer.then(functools.partial(self._given, request))
                return
            if not isinstance(answer, Answer):
                self._pending = asyncio.ensure_future(answer)
                self._pending.add_done_callback(functools.partial(self._answered, request))
                return
            self._send(request, answer)
        if self._ended:
            self._transport.close()

    def _given(self, request: Request, answer: Answer) -> None:
        self._pending = None
        self._send(request, answer)
        if self._waiting or self._ended:  # whoever gives the answer is not to be told of the next request meanwhile
            asyncio.get_running_loop().call_soon(self._go_on)

    def _answered(self, request: Request, done: asyncio.Future[Answer]) -> None:
        self._pending = None
        if done.cancelled():
            self._transport.close()
            return
        problem = done.exception()
        if problem is None:
            self._send(request, done.result())
        elif isinstance(problem, Refusal):
            self._send(request, problem.answer)
        else:
            self._transport.close()
            raise problem
        self._go_on()

    def _send(self, request: Request, answer: Answer) -> None:
        written = _written_before if answer.status == http.HTTPStatus.ACCEPTED else _written
        self._transport.write(written(answer, request.keeps_alive, request.method != "HEAD"))
        if not request.keeps_alive:
            self._transport.close()

    def _refuse(self, refusal: Refusal) -> None:
        """Answer what is no HTTP, unless another answer is still owed, and hang up."""
        if self._pending is None and not self._transport.is_closing():
            self._send(Request("", "", {}, b"", keeps_alive=False, gone=self.closed), refusal.answer)
        self._transport.close()


def _written(answer: Answer, keeps_alive: bool, has_body: bool) -> bytes:  # noqa: FBT001
    head = [_STATUS_LINES[answer.status]]
    head += [f"{name}: {value}\r\n" for name, value in answer.headers]
    head.append(f"content-length: {len(answer.body)}\r\n")
    head.append("\r\n" if keeps_alive else "connection: close\r\n\r\n")
    return "".join(head).encode("latin-1") + (answer.body if has_body else b"")


_written_before = functools.lru_cache(maxsize=16)(_written)
"""The same for what is accepted, whose answers hardly differ."""
