"""What filter patterns of every kind are made of."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

Matches: TypeAlias = Callable[[str], bool]
"""Whether a text matches."""

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
ORDERS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class PatternError(ValueError):
    """The pattern is none."""


def regex(text: str) -> re.Pattern[str]:
    """Compile what stands between percent signs.

    Raises:
        PatternError: It cannot be read.

    """
    try:
        return re.compile(text)
    except re.error as problem:
        raise PatternError(f"The filter pattern has an expression that cannot be read: {problem}") from problem


def wildcard(text: str) -> re.Pattern[str]:
    """What matches a text as a whole, in which an asterisk stands for anything."""
    return re.compile(".*".join(re.escape(part) for part in text.split("*")), re.DOTALL)


def unescaped(text: str) -> str:
    """What stands between quotation marks, without the backslashes."""
    return re.sub(r"\\(.)", r"\1", text)


def unreadable(rest: str) -> PatternError:
    """The error for a pattern that cannot be read from somewhere on."""
    return PatternError(f"The filter pattern cannot be read from {rest[:20]!r} on.")
