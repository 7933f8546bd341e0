"""What SQLAlchemy makes ahead while it is imported: 200 types for annotated elements, and 150 rewritten docstrings."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType
from typing import Any


@contextmanager
def annotated_types_on_demand(module: ModuleType) -> Iterator[None]:
    """Make the annotated twin of an SQL element's class when one of its elements is first annotated.

    SQLAlchemy does so itself for classes that it does not know ahead.
    """
    yield
    names = vars(module)
    make, prepare = names.get("_new_annotation_type"), names.get("_prepare_annotations")
    if isinstance(make, FunctionType) and isinstance(prepare, FunctionType) and "annotated_classes" in names:
        twins = Twins(names, make)
        names.update(_prepare_annotations=twins.plan, _new_annotation_type=twins.make, __getattr__=twins.named)


class Twins:
    """The annotated twins of classes: as SQLAlchemy would make them all at once, but one by one.

    Which twin another derives from depends on the order in which they are made: SQLAlchemy's own is planned ahead.

    Args:
        names: What `sqlalchemy.sql.annotation` holds.
        make: Its function that makes a twin.

    """

    def __init__(self, names: dict[str, Any], make: FunctionType) -> None:
        self._names = names
        self._made: dict[type, type] = names["annotated_classes"]
        self._make = make
        # The same function where no twin exists: it then derives from the base that it is given.
        self._apart = dict(names)
        self._make_apart = FunctionType(make.__code__, self._apart)
        self._planned: dict[type, tuple[type | None, type]] = {}
        self._lock = threading.RLock()

    def plan(self, hierarchy: type, base: type) -> None:
        """Take the place of `_prepare_annotations`: note for each class whose twin its own will derive from."""
        for cls in self._names["util"].walk_subclasses(hierarchy):
            if cls not in self._planned and not issubclass(cls, self._names["Annotated"]):
                self._planned[cls] = (next(filter(self._planned.__contains__, cls.__mro__), None), base)

    def make(self, cls: type, base: type) -> type:
        """Take the place of `_new_annotation_type`."""
        if cls in self._planned:
            return self._twin(cls)
        nearest = next((above for above in cls.__mro__ if above in self._made or above in self._planned), None)
        if nearest in self._planned:
            self._twin(nearest)
        twin: type = self._make(cls, base)
        return twin

    def named(self, name: str) -> type:
        """Find a twin as an attribute of the module, as unpickling does."""
        for cls in self._planned:
            if name == f"Annotated{cls.__name__}":
                return self._twin(cls)
        raise AttributeError(f"module {self._names['__name__']!r} has no attribute {name!r}")

    def _twin(self, cls: type) -> type:
        with self._lock:
            if cls not in self._made:
                above, base = self._planned[cls]
                base = base if above is None else self._twin(above)
                self._apart["annotated_classes"] = {}
                twin = self._make_apart(cls, base)
                self._made[cls] = self._names[twin.__name__] = twin
            return self._made[cls]


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
