"""What machines read: one JSON document a command, its keys the names of the records' fields."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import TypeAdapter

from fastlambda_cli.errors import FastLambdaError


def print_document(document: Any) -> None:
    """Print records, and whatever holds them, as JSON on standard output."""
    plain = TypeAdapter(Any).dump_json(document, indent=2)
    sys.stdout.write(f"{plain.decode()}\n")


@contextmanager
def told_to_machines(*, as_json: bool) -> Iterator[None]:
    """Print an error of the block as the one document, because a machine that waits for one gets no other."""
    try:
        yield
    except FastLambdaError as error:
        if as_json:
            told = {"what": error.what, "why": error.why, "remedy": error.remedy, "exit_code": error.exit_code}
            print_document({"error": told})
        raise
