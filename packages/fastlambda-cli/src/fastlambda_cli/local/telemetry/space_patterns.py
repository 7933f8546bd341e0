"""Filter patterns for space-delimited log events, such as `[ip, user, ..., status=4*, size>1000]`.

Amazon CloudWatch Logs User Guide, "Using filter patterns to match terms in space-delimited log events": what is between
brackets or quotation marks is one field, an ellipsis stands for as many as there are. By its examples the last field
has all that is left of the line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fastlambda_cli.local.telemetry.pattern_words import (
    NUMBER,
    ORDERS,
    Matches,
    PatternError,
    regex,
    unescaped,
    unreadable,
    wildcard,
)

_WORD = re.compile(r'\[([^\]]*)\]|"([^"]*)"|(\S+)')
_ELLIPSIS = "..."
_FIELD = re.compile(r"\s*(?P<name>\.\.\.|[\w$@-]*)\s*")
_TEST = re.compile(
    r'\s*(?P<sign>!=|<=|>=|[=<>])\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|%(?P<regex>[^%]+)%|(?P<word>[^\s,&|"\]]+))\s*'
)
_JOINED = re.compile(r"(?P<sign>&&|\|\|)")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    matches: Matches


def of_fields(pattern: str) -> Matches:
    """Read a pattern in brackets.

    Raises:
        PatternError: It cannot be read.

    """
    fields = _fields(pattern)
    named = [field.name for field in fields]
    if named.count(_ELLIPSIS) > 1:
        raise PatternError("The filter pattern has more than one ellipsis.")
    at = named.index(_ELLIPSIS) if _ELLIPSIS in named else None

    def matches(line: str) -> bool:
        words = list(_WORD.finditer(line))
        texts = [next(group for group in word.groups() if group is not None) for word in words]
        if at is not None:
            first, last = fields[:at], fields[at + 1 :]
            enough = len(first) + len(last) <= len(texts)
            return enough and _all(first, texts) and _all(last, texts[len(texts) - len(last) :])
        if len(texts) > len(fields):
            texts[len(fields) - 1] = line[words[len(fields) - 1].start() :].rstrip()
        return len(texts) >= len(fields) and _all(fields, texts)

    return matches


def _all(fields: Sequence[_Field], texts: Sequence[str]) -> bool:
    return all(field.matches(text) for field, text in zip(fields, texts, strict=False))


def _fields(pattern: str) -> list[_Field]:
    fields: list[_Field] = []
    at, ended = 1, False
    while not ended:
        field, at = _field(pattern, at)
        fields.append(field)
        if pattern[at : at + 1] not in {",", "]"}:
            raise unreadable(pattern[at:])
        ended = pattern[at] == "]"
        at += 1
    if pattern[at:].strip():
        raise PatternError("The filter pattern goes on after its end.")
    return fields


def _field(pattern: str, at: int) -> tuple[_Field, int]:
    """The field that begins somewhere, with where it ends: a name, and tests of it, `&&` before `||`."""
    name, at = _named(pattern, at)
    choices: list[list[Matches]] = [[]]
    test = _TEST.match(pattern, at)
    while test is not None:
        choices[-1].append(_test(test))
        at = test.end()
        joined = _JOINED.match(pattern, at)
        if joined is None:
            break
        again, at = _named(pattern, joined.end())
        test = _TEST.match(pattern, at)
        if again != name or test is None:
            raise unreadable(pattern[joined.end() :])
        if joined["sign"] == "||":
            choices.append([])
    return _Field(name, lambda text: any(all(each(text) for each in choice) for choice in choices)), at


def _named(pattern: str, at: int) -> tuple[str, int]:
    found = _FIELD.match(pattern, at)
    if found is None:
        raise unreadable(pattern[at:])
    return found["name"], found.end()


def _test(test: re.Match[str]) -> Matches:
    sign = test["sign"]
    if sign in ORDERS:
        order, right = ORDERS[sign], test["word"] or ""
        if not NUMBER.fullmatch(right):
            raise PatternError(f"The filter pattern compares with {right!r}, which is no number.")
        return lambda text: NUMBER.fullmatch(text) is not None and order(float(text), float(right))
    equal = _equal(test)
    return equal if sign == "=" else lambda text: not equal(text)


def _equal(test: re.Match[str]) -> Matches:
    if test["regex"] is not None:
        expression = regex(test["regex"])
        return lambda text: expression.search(text) is not None
    value = test["word"] if test["quoted"] is None else unescaped(test["quoted"])
    if test["word"] and NUMBER.fullmatch(value):
        return lambda text: NUMBER.fullmatch(text) is not None and float(text) == float(value)
    wanted = wildcard(value)
    return lambda text: wanted.fullmatch(text) is not None
