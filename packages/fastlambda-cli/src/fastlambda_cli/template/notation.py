"""A template as YAML, in the few forms that a template needs.

PyYAML would do, and takes a fifth of the time of `fastlambda template` to be imported and to walk the document. What is
written here it reads back: the tests compare.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_PLAIN = re.compile(r"[A-Za-z/$^][A-Za-z0-9_./$^+*=@()%-]*(?:(?: |::?(?=[^\s:]))[A-Za-z0-9_./$^+*=@()%,;-]+)*")
"""Texts that mean themselves without quotes: none of them begins or ends like anything else that YAML has."""

_WORDS_OF_YAML = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""What YAML 1.1, which CloudFormation reads, takes for something else than text."""

_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
"""What YAML wants escaped and JSON does not."""


def to_yaml(document: dict[str, Any]) -> str:
    """Write mappings, lists, texts, numbers and booleans, in the order in which they stand; a long text as a block."""
    return "".join(f"{line}\n" for line in _lines(document))


def _lines(node: Any) -> Iterator[str]:
    """The lines of a mapping or a list that is not empty."""
    items = node.items() if isinstance(node, dict) else ((None, item) for item in node)
    for key, value in items:
        before = "-" if key is None else f"{_text(key)}:"
        if isinstance(value, str) and _is_block(value):
            yield f"{before} |" if value.endswith("\n") else f"{before} |-"
            yield from (f"  {line}".rstrip(" ") for line in value.splitlines())
        elif not isinstance(value, dict | list) or not value:
            yield f"{before} {_scalar(value)}"
        elif key is None:
            first, *rest = _lines(value)
            yield f"- {first}"
            yield from (f"  {line}" if line else line for line in rest)
        else:
            yield before
            margin = "  " if isinstance(value, dict) else ""
            yield from (f"{margin}{line}" if line else line for line in _lines(value))


def _is_block(text: str) -> bool:
    """Whether a text has several lines, and nothing that a block could not hold."""
    lines = text.split("\n")
    return (
        len(lines) > 1
        and bool(lines[0])
        and not text.startswith(" ")
        and not text.endswith("\n\n")
        and all(line.isprintable() and not line.endswith(" ") for line in lines)
    )


def _scalar(value: Any) -> str:
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_YAML:
        return text
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))
