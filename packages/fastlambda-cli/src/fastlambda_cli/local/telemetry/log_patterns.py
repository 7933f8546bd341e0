"""Filter patterns of CloudWatch Logs: Amazon CloudWatch Logs User Guide, "Filter pattern syntax"."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

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
from fastlambda_cli.local.telemetry.space_patterns import of_fields

Condition: TypeAlias = Callable[[Any], bool]
"""Whether a line's JSON value matches."""


def compiled(pattern: str) -> Matches:
    """Read a filter pattern; an empty one matches everything.

    Raises:
        PatternError: It cannot be read.

    """
    pattern = pattern.strip()
    if not pattern:
        return lambda _: True
    if pattern.startswith("{"):
        return _of_json(pattern)
    if pattern.startswith("["):
        return of_fields(pattern)
    return _of_terms(pattern)


_TERM = re.compile(r'\s*(?P<sign>[-?]?)(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|%(?P<regex>[^%]+)%|(?P<word>[^\s"]+))(?=\s|$)')


def _of_terms(pattern: str) -> Matches:
    needed: list[Matches] = []
    optional: list[Matches] = []
    excluded: list[Matches] = []
    by_sign = {"": needed, "?": optional, "-": excluded}
    at = 0
    while at < len(pattern):
        term = _TERM.match(pattern, at)
        if term is None:
            raise unreadable(pattern[at:])
        by_sign[term["sign"]].append(_term(term))
        at = term.end()
    if needed or excluded:  # beside such terms, those with a question mark are ignored
        return lambda line: all(each(line) for each in needed) and not any(each(line) for each in excluded)
    return lambda line: any(each(line) for each in optional)


def _term(term: re.Match[str]) -> Matches:
    if term["regex"] is not None:
        expression = regex(term["regex"])
        return lambda line: expression.search(line) is not None
    text = term["word"] if term["quoted"] is None else unescaped(term["quoted"])
    return lambda line: text in line


def _of_json(pattern: str) -> Matches:
    condition = _JsonPattern(pattern).whole()

    def matches(line: str) -> bool:
        try:
            value = json.loads(line) if line.startswith(("{", "[")) else None
        except (ValueError, RecursionError):
            return False
        return value is not None and condition(value)

    return matches


_TOKEN = re.compile(
    r'\s*(?:(?P<sign>&&|\|\||!=|<=|>=|[{}()=<>])|(?P<selector>\$(?:\.?\["[^"]*"\]|\.[^\s.\[\]=!<>(){}&|]+|\[\d+\])*)'
    r'|"(?P<quoted>(?:[^"\\]|\\.)*)"|%(?P<regex>[^%]+)%|(?P<word>[^\s=!<>(){}&|"]+))'
)
_STEP = re.compile(r'\.?\["([^"]*)"\]|\.([^.\[\]]+)|\[(\d+)\]')
_CONSTANTS: Mapping[str, object] = {"NULL": None, "TRUE": True, "FALSE": False}


class _JsonPattern:
    def __init__(self, pattern: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while pattern[at:].strip():
            token = _TOKEN.match(pattern, at)
            if token is None:
                raise unreadable(pattern[at:])
            self._tokens.append((str(token.lastgroup), token[str(token.lastgroup)]))
            at = token.end()
        self._at = 0

    def whole(self) -> Condition:
        self._expect("{")
        condition = self._any()
        self._expect("}")
        if self._at < len(self._tokens):
            raise PatternError("The filter pattern goes on after its end.")
        return condition

    def _any(self) -> Condition:
        choices = [self._all()]
        while self._take("||"):
            choices.append(self._all())
        return lambda value: any(choice(value) for choice in choices)

    def _all(self) -> Condition:
        conditions = [self._one()]
        while self._take("&&"):
            conditions.append(self._one())
        return lambda value: all(condition(value) for condition in conditions)

    def _one(self) -> Condition:
        if self._take("("):
            inner = self._any()
            self._expect(")")
            return inner
        kind, text = self._next()
        if kind != "selector":
            raise PatternError(f"The filter pattern has {text!r} where a selector such as $.level belongs.")
        select = _selector(text)
        kind, sign = self._next()
        if kind == "word" and sign.upper() in {"IS", "NOT"}:
            return self._stated(select, sign.upper())
        if sign in {"=", "!="}:
            return self._equal(select, equal=sign == "=")
        if sign not in ORDERS:
            raise PatternError(f"The filter pattern has {sign!r} where an operator belongs.")
        order, right = ORDERS[sign], self._next()[1]
        if not NUMBER.fullmatch(right):
            raise PatternError(f"The filter pattern compares {text} with {right!r}, which is no number.")
        return lambda value: any(_is_number(each) and order(each, float(right)) for each in select(value))

    def _stated(self, select: Callable[[Any], Sequence[Any]], word: str) -> Condition:
        stated = self._next()[1].upper()
        if word == "NOT" and stated == "EXISTS":
            return lambda value: not select(value)
        if word == "IS" and stated in _CONSTANTS:
            wanted = _CONSTANTS[stated]
            return lambda value: any(each is wanted for each in select(value))
        raise PatternError(f"The filter pattern has {word} {stated}.")

    def _equal(self, select: Callable[[Any], Sequence[Any]], *, equal: bool) -> Condition:
        kind, text = self._next()
        if kind == "regex":
            expression = regex(text)
            return lambda value: any(
                (expression.search(each) is not None) is equal for each in select(value) if isinstance(each, str)
            )
        if kind == "word" and NUMBER.fullmatch(text):
            number = float(text)
            return lambda value: any((_is_number(each) and each == number) is equal for each in select(value))
        if kind not in {"quoted", "word"}:
            raise PatternError(f"The filter pattern has {text!r} where a value belongs.")
        wanted = wildcard(unescaped(text) if kind == "quoted" else text)
        return lambda value: any(
            (wanted.fullmatch(_as_text(each)) is not None) is equal for each in select(value) if _is_scalar(each)
        )

    def _next(self) -> tuple[str, str]:
        if self._at == len(self._tokens):
            raise PatternError("The filter pattern ends too early.")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, sign: str) -> bool:
        taken = self._at < len(self._tokens) and self._tokens[self._at] == ("sign", sign)
        self._at += taken
        return taken

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise PatternError(f"The filter pattern lacks {sign!r}.")


def _selector(text: str) -> Callable[[Any], Sequence[Any]]:
    """What a selector such as `$.items[0].id` finds in a value: one thing, or nothing; `*` finds everything there."""
    steps = [int(index) if index else quoted or plain for quoted, plain, index in _STEP.findall(text)]

    def select(value: Any) -> Sequence[Any]:
        found = [value]
        for step in steps:
            found = [inner for each in found for inner in _inside(each, step)]
        return found

    return select


def _inside(value: Any, step: str | int) -> Sequence[Any]:
    if isinstance(value, dict):
        return list(value.values()) if step == "*" else [value[step]] if step in value else []
    if isinstance(value, list):
        if step == "*":
            return value
        return [value[step]] if isinstance(step, int) and step < len(value) else []
    return []


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float | bool)


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
