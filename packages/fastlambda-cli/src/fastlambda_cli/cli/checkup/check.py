"""One thing that was looked at, and what to do when it is not as it should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from fastlambda_cli.errors import FastLambdaError


class Status(StrEnum):
    """How it is."""

    OK = "ok"
    WARN = "warn"
    """It works, and somebody may want to act."""
    FAIL = "fail"
    SKIP = "skip"
    """It cannot be known, because something before it failed."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was found.

    Attributes:
        name: What was looked at.
        found: How it is, in one line.
        remedy: What to do, as a sentence; empty when there is nothing to do.

    """

    name: str
    status: Status
    found: str
    remedy: str = ""


def failed(name: str, error: FastLambdaError) -> Check:
    """A check that ended with one of our errors."""
    return Check(name, Status.FAIL, str(error), error.remedy)


def attempted(name: str, look: Callable[[], Check]) -> Check:
    """Look at something; one of our errors is what was found."""
    try:
        return look()
    except FastLambdaError as error:
        return failed(name, error)


def skipped(names: tuple[str, ...], why: str) -> Iterator[Check]:
    """Checks that cannot be made."""
    return (Check(name, Status.SKIP, why) for name in names)
