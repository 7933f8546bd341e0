"""How far a step has come, and what a build has to say, told as what happens in a deployment."""

from __future__ import annotations

from collections.abc import Callable

from fastlambda_cli.artifact.model import megabytes
from fastlambda_cli.artifact.telling import Tell as Say
from fastlambda_cli.deploy.model import Progressed, Remark, Step, Tell

_MEGABYTE = 2**20


def as_remarks(tell: Tell) -> Say:
    """Pass on what a build says."""

    def say(text: str, /, *, warning: bool = False) -> None:
        tell(Remark(text, warning=warning))

    return say


def in_words(size: int) -> str:
    """A number of bytes that is sent."""
    return megabytes(size) if size >= _MEGABYTE else f"{size:,} bytes"


def in_percents(step: Step, tell: Tell) -> Callable[[int, int], None]:
    """Make a function that is told how much of how much is done, and passes on every new percent.

    Args:
        step: What is under way.
        tell: Is told.

    """
    told = -1

    def progress(done: int, total: int) -> None:
        nonlocal told
        percent = done * 100 // total
        if percent != told:
            told = percent
            tell(Progressed(step.text, done, total))

    return progress
