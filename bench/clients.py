"""Clients that keep one connection each and ask again as soon as they are answered, all of them on one thread.

They do as little as a client can, because they run on the machine that they measure: a request is bytes that were made
before, and of an answer only its status and its length are looked at.
"""

from __future__ import annotations

import selectors
import socket
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from fastlambda_cli.aws.keys import Keys

OK = b" 200 "
_PATIENCE_S = 30.0
_HEAD = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Asked:
    """What clients ask, and where.

    Attributes:
        url: Where to POST it.
        body: The event.
        keys: What the request is signed with, where that is asked for.

    """

    url: str
    body: bytes
    keys: Keys | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 80

    @property
    def request(self) -> bytes:
        """The whole request, signed now."""
        parts = urlsplit(self.url)
        signed = AWSRequest("POST", self.url, {"Host": parts.netloc, "Content-Type": "application/json"}, self.body)
        if self.keys is not None:
            keys = self.keys
            SigV4Auth(
                Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token), "lambda", "us-east-1"
            ).add_auth(signed)
        headers = "".join(f"{name}: {value}\r\n" for name, value in signed.headers.items())
        head = f"POST {parts.path} HTTP/1.1\r\n{headers}Content-Length: {len(self.body)}\r\n\r\n"
        return head.encode() + self.body


@dataclass(slots=True)
class _Client:
    request: bytes
    sent_at: float = 0.0
    answer: bytearray = field(default_factory=bytearray)

    def complete(self) -> bool:
        head = self.answer.find(_HEAD)
        if head < 0:
            return False
        if OK not in self.answer[:32]:
            raise SystemExit(f"An Invoke was answered {bytes(self.answer[:2000])!r}")
        fields = bytes(self.answer[:head]).lower()
        if b"transfer-encoding: chunked" in fields:
            return self.answer.endswith(b"0" + _HEAD)
        length = fields.partition(b"content-length:")[2].partition(b"\r\n")[0]
        return len(self.answer) >= head + len(_HEAD) + int(length)


@dataclass(frozen=True, slots=True)
class Answered:
    """What clients got."""

    milliseconds: Sequence[float]
    seconds: float

    @property
    def median_ms(self) -> float:
        """The median of one request."""
        return statistics.median(self.milliseconds)

    @property
    def per_second(self) -> float:
        """How many were answered in a second."""
        return len(self.milliseconds) / self.seconds


def ask(clients: Sequence[Asked], *, seconds: float = 0.0, requests: int = 0) -> Answered:
    """Have one client for each of these ask for so long, and for so many requests at least.

    Raises:
        SystemExit: An answer was not 200, or did not come.

    """
    took: list[float] = []
    with selectors.DefaultSelector() as waiting:
        began = time.perf_counter()
        for asked in clients:
            connection = socket.create_connection(asked.address, timeout=_PATIENCE_S)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client = _Client(asked.request, time.perf_counter())
            waiting.register(connection, selectors.EVENT_READ, client)
            connection.sendall(client.request)
        asking = len(clients)
        while asking:
            ready = waiting.select(_PATIENCE_S)
            if not ready:
                raise SystemExit("An Invoke was not answered")
            for key, _ in ready:
                client, connection = key.data, key.fileobj
                assert isinstance(connection, socket.socket)  # noqa: S101 - that is what was registered
                piece = connection.recv(65536)
                if not piece:
                    raise SystemExit("An Invoke was not answered: its connection was closed")
                client.answer += piece
                if not client.complete():
                    continue
                now = time.perf_counter()
                took.append((now - client.sent_at) * 1000)
                client.answer.clear()
                if now - began < seconds or len(took) < requests:
                    client.sent_at = time.perf_counter()
                    connection.sendall(client.request)
                else:
                    asking -= 1
                    waiting.unregister(connection)
                    connection.close()
    return Answered(took, time.perf_counter() - began)
