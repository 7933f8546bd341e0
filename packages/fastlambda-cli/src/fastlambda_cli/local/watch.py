"""Which saved files make a difference to a running function."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from watchfiles import Change, DefaultFilter, awatch

from fastlambda_cli.service.model import Service

SOURCES = (".py", ".toml", ".yaml", ".yml", ".html", ".jinja", ".jinja2", ".j2", ".sql")
"""What an app reads when it starts. Logs, databases and other files that programs write would reload without end."""

_DESCRIPTION = frozenset({"pyproject.toml", "uv.lock", "requirements.lock", "requirements.txt"})

_QUIET_MS = 50
"""How long nothing may be saved before a burst of saves counts as over."""

_BURST_MS = 400
"""The longest that a burst of saves is waited out."""


def watched(service: Service) -> frozenset[Path]:
    """What to watch: the service's folder, the packages that come from beside it, and its lock, wherever it lies."""
    outside = {*service.local_sources.values(), *([service.lock] if service.lock else [])}
    return frozenset({service.root, *(path for path in outside if not path.is_relative_to(service.root))})


def concerns_packages(service: Service, changed: Iterable[Path]) -> bool:
    """Whether the service has to be read anew after these saves, and its packages with it."""
    return any(
        path == service.lock
        or (path.parent == service.root and path.name in _DESCRIPTION)
        or any(path.is_relative_to(source) for source in service.local_sources.values())
        for path in changed
    )


async def saves(places: Iterable[Path]) -> AsyncIterator[frozenset[Path]]:
    """Yield the files of each burst of saves under `places` that make a difference."""
    every = frozenset(places)
    async for changes in awatch(*every, watch_filter=_Sources(every), step=_QUIET_MS, debounce=_BURST_MS):
        yield frozenset(Path(path) for _, path in changes)


class _Sources(DefaultFilter):
    """The service's own files; not its state, its caches or its virtual environment."""

    ignore_dirs = (*DefaultFilter.ignore_dirs, ".fastlambda")

    def __init__(self, places: frozenset[Path]) -> None:
        super().__init__()
        self._places = places

    def __call__(self, change: Change, path: str) -> bool:
        """Whether this change counts."""
        file = Path(path)
        if not (path.endswith(SOURCES) or file.name in _DESCRIPTION):
            return False
        # Names of folders above say nothing: a whole service may lie under one that is called `build`.
        inside = next((file.relative_to(place) for place in self._places if file.is_relative_to(place)), file)
        return inside.parts[:1] not in {("build",), ("dist",)} and super().__call__(change, f"/{inside}")
