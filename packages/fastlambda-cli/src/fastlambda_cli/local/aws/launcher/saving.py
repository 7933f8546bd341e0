"""Saves what ministack holds in memory with the encoder that is written in C.

ministack streams JSON into its files, which the standard library does in Python: `json.dump` never takes the encoder
in C (CPython, Lib/json/__init__.py), and a save keeps every request waiting.
"""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

from ministack.core import persistence  # type: ignore[import-not-found,unused-ignore]


class WholeJson(ModuleType):
    """The module json, whose `dump` makes the whole text before it is written."""

    def __init__(self) -> None:
        super().__init__("json")
        vars(self).update(vars(json))
        self.dump = dump_whole


def dump_whole(value: Any, file: Any, **options: Any) -> None:
    """`json.dump` with the encoder in C; a value that cannot be encoded leaves the file as it is."""
    file.write(json.dumps(value, **options))


def save_faster() -> None:
    """Have ministack's state encoded in C."""
    persistence.json = WholeJson()
