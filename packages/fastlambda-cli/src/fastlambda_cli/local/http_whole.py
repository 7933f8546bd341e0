"""A POST that came in one piece, read without a parser's callbacks.

It takes what a program writes that says the usual things: everything else, and all that is wrong, is left to llhttp.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

_FIRST = re.compile(rb"POST (/[!-~]*) HTTP/1\.1")
_PRINTABLE = bytes(range(0x20, 0x7F))
_TOKEN = re.compile(rb"[a-z0-9-]+")
_OF_THE_WIRE = frozenset({b"connection", b"expect", b"te", b"trailer", b"transfer-encoding", b"upgrade"})
"""Headers that say how to read the rest, or what becomes of the connection."""
_MOST_NAMES = 256


class WholeRequest(NamedTuple):
    """A request.

    Attributes:
        target: As it was written.
        headers: By their names in lower case, of which none came twice.

    """

    target: bytes
    headers: Mapping[bytes, bytes]
    body: bytes


def whole_request(data: bytes) -> WholeRequest | None:
    """Read what came; None where it is not one whole and plain POST of HTTP/1.1."""
    if not data.startswith(b"POST "):
        return None
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    post = _FIRST.fullmatch(first)
    # Printable ASCII, without a space at the beginning of a value, and no line break but those that it was split at.
    if post is None or head.translate(None, _PRINTABLE) != b"\r\n" * len(lines) or b":  " in head:
        return None
    try:
        written, values = zip(*[line.split(b": ", 1) for line in lines], strict=True)
    except ValueError:  # a line is no header
        return None
    names = _lowered(written)
    if names is None:
        return None
    headers = dict(zip(names, values, strict=True))
    if headers.get(b"content-length") != b"%d" % len(body):
        return None
    return WholeRequest(post[1], headers, body)


@lru_cache(maxsize=_MOST_NAMES)
def _lowered(names: tuple[bytes, ...]) -> tuple[bytes, ...] | None:
    """Names in lower case; None unless each is one, comes once and is none of the wire, and a Host is among them."""
    lowered = tuple(name.lower() for name in names)
    distinct = set(lowered)
    good = all(_TOKEN.fullmatch(name) for name in lowered) and len(distinct) == len(lowered)
    return lowered if good and b"host" in distinct and not distinct & _OF_THE_WIRE else None
