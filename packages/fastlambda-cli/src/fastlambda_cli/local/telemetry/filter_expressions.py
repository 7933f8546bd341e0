"""X-Ray's filter expressions: AWS X-Ray Developer Guide, "Use filter expressions".

expression := term (OR term)*        term := factor (AND factor)*
factor := ["!"] ( "(" expression ")" | service(["name"]) ["{" expression "}"] | keyword [operator value] )
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from fastlambda_cli.local.telemetry.segments import parts
from fastlambda_cli.local.telemetry.traces import Trace

Segments: TypeAlias = tuple[Mapping[str, Any], ...]
Predicate: TypeAlias = Callable[[Trace, Segments], bool]
"""Looks at a trace, or at some of its segments within `service(...) { ... }`."""


class FilterExpressionError(ValueError):
    """The expression is none, or has a keyword that is not known here."""


def parse(expression: str) -> Callable[[Trace], bool]:
    """Read an expression.

    Raises:
        FilterExpressionError: It cannot be read.

    """
    parser = _Parser(_tokens(expression))
    predicate = parser.expression()
    parser.expect_end()
    return lambda trace: predicate(trace, trace.segments)


_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<number>-?\d+(?:\.\d+)?)"""
    r"""|(?P<sign><=|>=|!=|[=<>!(){}\[\]])|(?P<word>[A-Za-z_][\w.:-]*))"""
)
_WORDS = frozenset({"AND", "OR", "CONTAINS", "BEGINSWITH", "ENDSWITH"})

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "CONTAINS": lambda left, right: right in left,
    "BEGINSWITH": lambda left, right: left.startswith(right),
    "ENDSWITH": lambda left, right: left.endswith(right),
}
_OF_TEXT = frozenset({"CONTAINS", "BEGINSWITH", "ENDSWITH"})


def _flag(name: str) -> Predicate:
    return lambda _, segments: any(each.get(name) is True for each in segments)


_FLAGS: Mapping[str, Predicate] = {
    "error": _flag("error"),
    "fault": _flag("fault"),
    "throttle": _flag("throttle"),
    "ok": lambda _, segments: not any(each.get(flag) for each in segments for flag in ("error", "fault", "throttle")),
    "partial": lambda trace, _: not trace.complete,
}


def _http(side: str, name: str) -> Callable[[Trace, Segments], Iterable[Any]]:
    return lambda _, segments: [
        each["http"][side][name] for each in segments if name in each.get("http", {}).get(side, {})
    ]


def _field(name: str) -> Callable[[Trace, Segments], Iterable[Any]]:
    return lambda _, segments: [each[name] for each in segments if name in each]


def _response_times(trace: Trace, segments: Segments) -> Iterable[float]:
    looked_at = [trace.root] if segments is trace.segments else segments
    return [float(each["end_time"]) - float(each["start_time"]) for each in looked_at if "end_time" in each]


_VALUES: Mapping[str, Callable[[Trace, Segments], Iterable[Any]]] = {
    "responsetime": _response_times,
    "duration": lambda trace, _: [trace.ended_at - trace.began_at],
    "http.status": _http("response", "status"),
    "http.url": _http("request", "url"),
    "http.method": _http("request", "method"),
    "http.useragent": _http("request", "user_agent"),
    "http.clientip": _http("request", "client_ip"),
    "user": _field("user"),
    "name": _field("name"),
    "type": _field("origin"),
    "resource.arn": _field("resource_arn"),
}


def _annotation(key: str) -> Callable[[Trace, Segments], Iterable[Any]]:
    return lambda _, segments: [
        part["annotations"][key] for each in segments for part in parts(each) if key in part.get("annotations", {})
    ]


def _tokens(expression: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at = 0
    while expression[at:].strip():
        match = _TOKEN.match(expression, at)
        if match is None:
            raise _problem(f"cannot be read from {expression[at:].strip()[:20]!r} on")
        kind, text = str(match.lastgroup), match[str(match.lastgroup)]
        tokens.append(("sign" if text.upper() in _WORDS and kind == "word" else kind, text))
        at = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    def expression(self) -> Predicate:
        choices = [self._term()]
        while self._take("OR"):
            choices.append(self._term())
        return lambda trace, segments: any(choice(trace, segments) for choice in choices)

    def expect_end(self) -> None:
        if self._at < len(self._tokens):
            raise _problem(f"ends before {self._tokens[self._at][1]!r}")

    def _term(self) -> Predicate:
        conditions = [self._factor()]
        while self._take("AND"):
            conditions.append(self._factor())
        return lambda trace, segments: all(condition(trace, segments) for condition in conditions)

    def _factor(self) -> Predicate:
        if self._take("!"):
            inner = self._factor()
            return lambda trace, segments: not inner(trace, segments)
        if self._take("("):
            inner = self.expression()
            self._expect(")")
            return inner
        keyword = self._next("word")
        if keyword == "service":
            return self._service()
        if keyword == "annotation":
            self._expect("[")
            key = _unquoted(self._next("text", "word"))
            self._expect("]")
            return self._compared(_annotation(key))
        return self._simple(keyword)

    def _simple(self, keyword: str) -> Predicate:
        if keyword.startswith("annotation."):
            return self._compared(_annotation(keyword.removeprefix("annotation.")))
        if keyword in _FLAGS:
            return self._flagged(_FLAGS[keyword])
        if keyword in _VALUES:
            return self._compared(_VALUES[keyword])
        raise _problem(f"has {keyword!r}, which the local X-Ray does not know")

    def _service(self) -> Predicate:
        self._expect("(")
        name = None if self._peek(")") else _unquoted(self._next("text"))
        self._expect(")")
        inner: Predicate = lambda _, segments: bool(segments)  # noqa: E731  the type is what says something here
        if self._take("{"):
            inner = self.expression()
            self._expect("}")
        return lambda trace, segments: any(
            inner(trace, (each,)) for each in segments if name is None or each["name"] == name
        )

    def _flagged(self, flag: Predicate) -> Predicate:
        if not self._peek("=", "!="):
            return flag
        equal = self._take("=") or not self._take("!=")
        wanted = self._next("word")
        if wanted not in {"true", "false"}:
            raise _problem(f"compares with {wanted!r} what is true or false")
        return lambda trace, segments: flag(trace, segments) is ((wanted == "true") is equal)

    def _compared(self, values: Callable[[Trace, Segments], Iterable[Any]]) -> Predicate:
        sign = next((each for each in _COMPARISONS if self._take(each)), None)
        if sign is None:
            return lambda trace, segments: bool(list(values(trace, segments)))
        compare = _COMPARISONS[sign]
        right = self._value()
        if sign in _OF_TEXT and not isinstance(right, str):
            raise _problem(f"compares with {sign} what is no text")
        return lambda trace, segments: any(
            compare(left, right) for left in values(trace, segments) if _comparable(left, right)
        )

    def _value(self) -> str | float | bool:
        kind, text = self._one()
        if kind == "number":
            return float(text)
        if kind == "text":
            return _unquoted(text)
        if text in {"true", "false"}:
            return text == "true"
        raise _problem(f"has {text!r} where a value belongs")

    def _next(self, *kinds: str) -> str:
        kind, text = self._one()
        if kind not in kinds:
            raise _problem(f"has {text!r} where it cannot be")
        return text

    def _one(self) -> tuple[str, str]:
        if self._at == len(self._tokens):
            raise _problem("ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _peek(self, *signs: str) -> bool:
        if self._at == len(self._tokens):
            return False
        kind, text = self._tokens[self._at]
        return kind == "sign" and text.upper() in signs

    def _take(self, sign: str) -> bool:
        taken = self._peek(sign)
        self._at += taken
        return taken

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise _problem(f"lacks {sign!r}")


def _comparable(left: object, right: object) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return isinstance(left, bool) and isinstance(right, bool)
    return isinstance(left, str) == isinstance(right, str)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text[:1] in {'"', "'"} else text


def _problem(why: str) -> FilterExpressionError:
    return FilterExpressionError(f"The filter expression {why}.")
