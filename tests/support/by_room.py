"""Which of the suite's workers runs which file."""

from __future__ import annotations

from pathlib import PurePosixPath

from xdist.scheduler.loadfile import LoadFileScheduling

ROOMS = frozenset(
    {"contract", "idempotency", "local_aws", "local_deployed", "local_events", "local_telemetry", "secrets"}
)
"""Folders whose files all go to one worker: what they share, a local AWS of their own, is then started once.

It takes three seconds of processor time, of which other rooms have too little to themselves.
"""


def room_of(path: str) -> str | None:
    """The room that a test file is in, by its path; None where its files may go to any worker."""
    parts = PurePosixPath(path).parts
    return next((part for part in parts if part in ROOMS), None)


class ByRoom(LoadFileScheduling):
    """Gives a worker a whole room where that has something to share, and a file elsewhere."""

    def _split_scope(self, nodeid: str) -> str:
        path = super()._split_scope(nodeid)
        return room_of(path) or path
