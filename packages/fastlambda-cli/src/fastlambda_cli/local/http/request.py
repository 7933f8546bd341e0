"""An HTTP request as the gateway sees it, before any event is made of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from fastlambda_cli.local.serve import Scope


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """The head of a request.

    Attributes:
        method: Upper case, as the client sent it.
        target: The path of the request line, still percent-encoded; of an absolute URL only the path is kept.
        query: The query string as sent, without the question mark.
        headers: Names in lower case, values as text, in the order and number they came.
        source_ip: The client's address.
        port: The port the client connected to.
        protocol: Such as `HTTP/1.1`.
        size: Bytes of the request line and the headers together.

    """

    method: str
    target: str
    query: str
    headers: tuple[tuple[str, str], ...]
    source_ip: str
    port: int
    protocol: str
    size: int

    @property
    def path(self) -> str:
        """The path, percent-decoded."""
        return unquote(self.target)

    @property
    def line_size(self) -> int:
        """Bytes of the request line alone."""
        return len(f"{self.method} {self.target}?{self.query} {self.protocol}")

    def values(self, name: str) -> Iterator[str]:
        """Yield every value of a header, named in lower case."""
        return (value for key, value in self.headers if key == name)

    def header(self, name: str, default: str = "") -> str:
        """Join a header's values with commas, as API Gateway does."""
        return ",".join(self.values(name)) or default


def from_scope(scope: Scope) -> HttpRequest:
    """Read an ASGI `http` scope."""
    raw: list[tuple[bytes, bytes]] = scope["headers"]
    target = scope["raw_path"].decode("ascii")
    query = scope["query_string"].decode("ascii")
    if not target.startswith("/") and "://" in target:
        target = urlsplit(target).path or "/"
    method = scope["method"]
    protocol = f"HTTP/{scope['http_version']}"
    line = len(method) + len(scope["raw_path"]) + len(query) + len(protocol) + 3
    client, server = scope["client"], scope["server"]
    return HttpRequest(
        method=method,
        target=target,
        query=query,
        headers=tuple((name.decode("ascii").lower(), _text(value)) for name, value in raw),
        source_ip=client[0] if client else "",
        port=server[1] if server else 0,
        protocol=protocol,
        size=line + sum(len(name) + len(value) + 4 for name, value in raw),
    )


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:  # ISO-8859-1 gives every byte a character: RFC 9110, section 5.5
        return value.decode("iso-8859-1")
