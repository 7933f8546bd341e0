"""Says, when a function meets the edges of Lambda's file system, that they are Lambda's and what to do about them."""

from __future__ import annotations

from fastlambda_cli.local.model import LogLine, Notice, Sink, TelemetryEvent

_INSTEAD = (
    "on Lambda everything but /tmp is read-only, and so it is here. "
    "Write below /tmp, or keep what has to last in a database or in S3; "
    "local.writable and local.file_system in [tool.fastlambda] make exceptions for this machine"
)
_READ_ONLY = f"The function tried to write where it may not: {_INSTEAD}"
_NO_DATABASE = f"SQLite opens no database where it may not write, or its folder does not exist: {_INSTEAD}"
_FULL = (
    "The function's /tmp is full, as it would be on Lambda: "
    "delete what is not needed any more, or give it more MB by ephemeral_storage in [tool.fastlambda]"
)
_NO_SHARED_MEMORY = (
    "Lambda has no shared memory (/dev/shm), and so there is none here: multiprocessing's Pool, Queue, Lock and their "
    "like cannot be made. Threads can be used, and multiprocessing's Process and Pipe"
)

_HINTS = {
    "Read-only file system": _READ_ONLY,
    "attempt to write a readonly database": _READ_ONLY,
    "unable to open database file": _NO_DATABASE,
    "No space left on device": _FULL,
    "database or disk is full": _FULL,
    "_multiprocessing.SemLock(": _NO_SHARED_MEMORY,
}
"""What the operating system, SQLite and Python say, and what it means here."""


class FileHints:
    """Passes everything on, and gives each hint once, after the first line that calls for it.

    Args:
        sink: Is told.

    Attributes:
        given: Whether hints are given: where functions have this machine's files, Lambda is not to blame.

    """

    def __init__(self, sink: Sink) -> None:
        self.given = False
        self._sink = sink
        self._left = dict(_HINTS)

    def __call__(self, event: TelemetryEvent) -> None:
        """Tell the sink, and look for what it may need to know besides."""
        self._sink(event)
        if self.given and isinstance(event, LogLine):
            hint = next((hint for words, hint in self._left.items() if words in event.text), None)
            if hint is not None:
                self._left = {words: other for words, other in self._left.items() if other != hint}
                self._sink(Notice(hint, warning=True))
