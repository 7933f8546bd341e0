"""Which saved files make a difference to a running function."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from watchfiles import Change, DefaultFilter, awatch

DESCRIPTION = frozenset({"pyproject.toml", "uv.lock", "requirements.lock", "requirements.txt"})
"""Files after which the service is read anew, and its packages with it."""

_QUIET_MS = 50
"""How long nothing may be saved before a burst of saves counts as over."""


class _Sources(DefaultFilter):
    """The service's own files; not its state, its caches or its virtual environment."""

    ignore_dirs = (*DefaultFilter.ignore_dirs, ".fastlambda", "dist", "build")

    def __call__(self, change: Change, path: str) -> bool:
        """Whether this change counts."""
        return super().__call__(change, path) and not path.endswith(
            (".db", ".db-wal", ".db-shm", ".db-journal", ".log")
        )


async def saves(root: Path) -> AsyncIterator[frozenset[str]]:
    """Yield the paths, relative to `root`, of each burst of saved files."""
    async for changes in awatch(root, watch_filter=_Sources(), step=_QUIET_MS, debounce=400):
        yield frozenset(str(Path(path).relative_to(root)) for _, path in changes)
