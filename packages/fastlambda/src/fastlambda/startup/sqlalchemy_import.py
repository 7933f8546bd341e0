"""What SQLAlchemy does ahead while it is imported: it rewrites 150 docstrings, with regular expressions."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def quick_dedent(module: ModuleType) -> Iterator[None]:
    """Give the module a `textwrap` whose `dedent` does without regular expressions, as that of Python 3.14 does."""
    yield
    textwrap = vars(module).get("textwrap")
    if sys.version_info >= (3, 14) or not isinstance(textwrap, ModuleType):
        return
    quick = ModuleType(textwrap.__name__)
    vars(quick).update(vars(textwrap), dedent=dedent)
    vars(module)["textwrap"] = quick


def dedent(text: str) -> str:
    """Return what `textwrap.dedent` returns: the text without the indentation that its lines have in common."""
    lines = [line if line.strip(" \t") else "" for line in text.split("\n")]
    indents = [line[: len(line) - len(line.lstrip(" \t"))] for line in lines if line]
    low, high = min(indents, default=""), max(indents, default="")
    margin = next((n for n, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    return "\n".join([line[margin:] for line in lines])
