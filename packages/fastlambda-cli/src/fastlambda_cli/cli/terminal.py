"""The terminal: one console for what is said, one for errors."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from fastlambda_cli.errors import FastLambdaError

console = Console(soft_wrap=True, highlight=False)
_errors = Console(stderr=True, soft_wrap=True, highlight=False)


def print_error(error: FastLambdaError) -> None:
    """Say what happened, why, and what to do, on standard error."""
    _errors.print(Text.assemble(("Error: ", "bold red"), error.what))
    if error.why:
        _errors.print(Text(f"  {error.why}"))
    if error.remedy:
        _errors.print(Text.assemble(("  → ", "bold"), error.remedy))
