"""What a case of tests/contract shows: a fact about AWS, where it is written or recorded, and what differs locally."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar

CONTRACT = Path(__file__).parents[1] / "contract"
_Case = TypeVar("_Case", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Fact:
    """One row of docs/fidelity.md.

    Attributes:
        id: The case's name.
        area: The section of the table.
        statement: What AWS does.
        source: The page of AWS's documentation, or AWS's code, or the recording of AWS that says so.
        differs: What the local AWS does instead, which is then what the case shows; None where it does the same.

    """

    id: str
    area: str
    statement: str
    source: str
    differs: str | None = None


def fact(area: str, statement: str, source: str, *, differs: str | None = None) -> Callable[[_Case], _Case]:
    """Declare what the case below shows."""

    def declare(case: _Case) -> _Case:
        vars(case)["fact"] = Fact(case.__name__.removeprefix("test_"), area, statement, source, differs)
        return case

    return declare


def fact_of(case: Any) -> Fact | None:
    """Return the fact that a test shows; None when it declares none."""
    declared: Fact | None = getattr(case, "fact", None)
    return declared


def cases() -> Iterator[tuple[Path, str, Fact | None]]:
    """Read every test of the suite: its file, its name, and its fact."""
    for path in sorted(CONTRACT.glob("test_*.py")):
        spec = importlib.util.spec_from_file_location(f"contract_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for name, case in vars(module).items():
            if name.startswith("test_") and isinstance(case, FunctionType):
                yield path, name, fact_of(case)
