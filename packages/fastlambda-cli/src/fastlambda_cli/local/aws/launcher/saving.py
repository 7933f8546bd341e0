"""Saves what ministack holds in memory: only what is new, and with the encoder that is written in C.

ministack writes a file for each service, however little has changed, and streams JSON into it, which the standard
library does in Python: `json.dump` never takes the encoder in C (CPython, Lib/json/__init__.py). A save keeps every
request waiting.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import pickle
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from ministack.core import persistence  # type: ignore[import-not-found,unused-ignore]


class WholeJson(ModuleType):
    """The module json, whose `dump` makes the whole text before it is written."""

    def __init__(self) -> None:
        super().__init__("json")
        vars(self).update(vars(json))
        self.dump = dump_whole


class Encoded(dict[str, Any]):
    """The state of a service that is text already."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


def dump_whole(value: dict[str, Any], file: Any, **options: Any) -> None:
    """`json.dump` with the encoder in C; a value that cannot be encoded leaves the file as it is."""
    payload = value.get("payload")
    if not isinstance(payload, Encoded):
        file.write(json.dumps(value, **options))
        return
    around = {name: other for name, other in value.items() if name != "payload"}
    file.write(f'{json.dumps(around, **options)[:-1]}, "payload": {payload.text}}}')


_deepcopy = copy.deepcopy


class Copies(threading.local):
    """`copy.deepcopy`, by way of pickle while a thread saves: it is in C, and a save mostly copies."""

    def __init__(self) -> None:
        self._saving = False

    @contextlib.contextmanager
    def saving(self) -> Iterator[None]:
        """Copy so while the block runs."""
        self._saving = True
        try:
            yield
        finally:
            self._saving = False

    def deepcopy(self, value: Any, memo: Any = None) -> Any:
        """Copy a value with all that it holds; what cannot be pickled in the ordinary way."""
        if self._saving and memo is None:
            with contextlib.suppress(pickle.PicklingError, TypeError, AttributeError):
                return pickle.loads(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))  # noqa: S301 - its own, of this moment
        return _deepcopy(value, memo)


class Saved:
    """What each service's file has, and how often one was written.

    Attributes:
        written: How many files were written until now.
        copies: Copies what is saved.

    """

    def __init__(self) -> None:
        self.written = 0
        self._digests: dict[str, bytes] = {}
        self.copies = Copies()
        self._save = persistence.save_state

    def everything(self, states: Mapping[str, Callable[[], Any]]) -> None:
        """Save the state of services, each given by what copies it."""
        with self.copies.saving():
            persistence.save_all(states)

    def save(self, service: str, state: dict[str, Any]) -> None:
        """Write a service's state unless its file has it."""
        try:
            text = json.dumps(state, default=persistence._json_default)  # noqa: SLF001
        except (TypeError, ValueError):
            self._save(service, state)  # which says what is wrong
            return
        digest = hashlib.blake2b(text.encode()).digest()
        if self._digests.get(service) == digest and Path(persistence.STATE_DIR, f"{service}.json").exists():
            return
        self.written += 1
        self._digests[service] = digest
        self._save(service, Encoded(text))

    def forget(self) -> None:
        """Write everything next time: something could not be."""
        self._digests.clear()


def save_less() -> Saved:
    """Have ministack's state written where it is new, and encoded in C."""
    saved = Saved()
    persistence.json = WholeJson()
    persistence.save_state = saved.save
    copy.deepcopy = saved.copies.deepcopy  # type: ignore[assignment]
    return saved
