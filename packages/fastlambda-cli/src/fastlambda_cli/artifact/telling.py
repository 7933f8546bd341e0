"""How a build says what takes time and what deserves attention."""

from __future__ import annotations

from typing import Protocol


class Tell(Protocol):
    """Is told a sentence while it happens; a warning when somebody should act on it."""

    def __call__(self, text: str, /, *, warning: bool = False) -> None:
        """Take one sentence."""
