"""Which saved files make a difference to a running function."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from watchfiles import Change, DefaultFilter, awatch

DESCRIPTION = frozenset({"pyproject.toml", "uv.lock", "requirements.lock", "requirements.txt"})
"""Files after which the service is read anew, and its packages with it."""

_QUIET_MS = 50
"""How long nothing may be saved before a burst of saves counts as over."""


SOURCES = (".py", ".toml", ".yaml", ".yml", ".html", ".jinja", ".jinja2", ".j2", ".sql")
"""What an app reads when it starts. Logs, databases and other files that programs write would reload without end."""


class _Sources(DefaultFilter):
    """The service's own files; not its state, its caches or its virtual environment."""

    ignore_dirs = (*DefaultFilter.ignore_dirs, ".fastlambda", "dist", "build")

    def __call__(self, change: Change, path: str) -> bool:
        """Whether this change counts."""
        counts = path.endswith(SOURCES) or Path(path).name in DESCRIPTION
        return counts and super().__call__(change, path)


async def saves(root: Path) -> AsyncIterator[frozenset[str]]:
    """Yield the paths, relative to `root`, of each burst of saved files."""
    async for changes in awatch(root, watch_filter=_Sources(), step=_QUIET_MS, debounce=400):
        yield frozenset(str(Path(path).relative_to(root)) for _, path in changes)
