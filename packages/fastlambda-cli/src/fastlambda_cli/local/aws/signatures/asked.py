"""A request as it arrived, before anybody knows whose it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from fastlambda_cli.local.serve import Scope

Pairs = Sequence[tuple[str, str]]


class Asked(NamedTuple):
    """Everything of a request but its body.

    Attributes:
        method: Such as POST.
        path: As it was written, escapes and all.
        decoded_path: Without escapes.
        query: Names and values without escapes.
        query_is_text: False where they are not UTF-8, or too many: then none are known, and no signature is good.
        headers: Names in lower case, in the order that they came in.
        firsts: The first header of each name.

    """

    method: str
    path: str
    decoded_path: str
    query: Pairs
    query_is_text: bool
    headers: Pairs
    firsts: Mapping[str, str]

    @classmethod
    def of(cls, scope: Scope) -> Asked:
        """Read an ASGI scope."""
        headers = [(name.decode("latin-1").lower(), _value(value)) for name, value in scope["headers"]]
        path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
        return cls.of_head(scope["method"], path, scope["path"], query, headers)

    @classmethod
    def of_head(cls, method: str, path: str, decoded_path: str, query: str, headers: Pairs) -> Asked:
        """Read a request's line, whose query is as it was written, and its headers, by names in lower case."""
        read = _query(query) if query else []
        return cls(method, path, decoded_path, read or [], read is not None, headers, dict(reversed(headers)))

    def header(self, name: str) -> str | None:
        """The first header of a name in lower case."""
        return self.firsts.get(name)

    def parameter(self, name: str) -> str | None:
        """The first query parameter of a name."""
        return next((value for found, value in self.query if found == name), None)

    @property
    def has_body(self) -> bool:
        """Whether a body may follow (RFC 9112, section 6.3)."""
        return self.header("transfer-encoding") is not None or self.header("content-length") not in {None, "0"}

    @property
    def is_form(self) -> bool:
        """Whether it speaks the query protocol, in its body."""
        kind = self.header("content-type") or ""
        return self.method == "POST" and kind.startswith("application/x-www-form-urlencoded")


def _query(query: str) -> Pairs | None:
    try:
        return parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=1000)
    except ValueError:
        return None


def _value(value: Any) -> str:
    try:
        return str(value, "utf-8")
    except UnicodeDecodeError:
        return str(value, "latin-1")
