"""Patterns of files, as in a .gitignore."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastlambda_cli.errors import ConfigurationError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


def pattern_spec(patterns: tuple[str, ...], key: str) -> GitIgnoreSpec:
    """Read the patterns of `package.exclude` or `package.include`.

    Args:
        patterns: As configured.
        key: Which of the two, for the error.

    Raises:
        ConfigurationError: One of them is no pattern.

    """
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - few services need it, and `template` is quick without

    try:
        return GitIgnoreSpec.from_lines(patterns)
    except ValueError as problem:
        raise ConfigurationError(
            f"tool.fastlambda.package.{key} holds a pattern that is none",
            why=str(problem),
            remedy="Write it as in a .gitignore.",
        ) from problem
