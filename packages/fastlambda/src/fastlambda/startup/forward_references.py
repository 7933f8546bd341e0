"""Forward references, over a thousand in INIT, most of which nobody ever evaluates: they need no code object."""

from __future__ import annotations

import sys
import typing
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def compiled_when_evaluated() -> Iterator[None]:
    """Let `typing.ForwardRef` keep an annotation's source, which `eval` takes as it takes a code object.

    An annotation that is no expression is a SyntaxError when it is evaluated, where else it is one at its definition.
    Python 3.14 has deferred this step by itself.
    """
    if sys.version_info >= (3, 14):
        yield
        return
    names = vars(typing)
    names["compile"] = _source  # in front of the builtin, which only ForwardRef uses there
    try:
        yield
    finally:
        del names["compile"]


def _source(source: str, _filename: str, _mode: str) -> str:
    return source
