"""Which saved files make a difference to a running function."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from watchfiles import Change, DefaultFilter, awatch

from fastlambda_cli.errors import FastLambdaError
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


class Watch:
    """Sees the saves that make a difference: each one under a place, from the moment the place was added.

    `async with` ends it. What is saved while nobody asks is kept for whoever asks next.
    """

    def __init__(self) -> None:
        self._places: frozenset[Path] = frozenset()
        self._saved: set[Path] = set()
        self._some = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Begin with no place at all."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """End watching."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def add(self, places: Iterable[Path]) -> None:
        """Watch these places too, from now on.

        Raises:
            FastLambdaError: The system does not let them be watched.

        """
        new = frozenset(places) - self._places
        if not new:
            return
        task = asyncio.create_task(self._follow(new))
        # What watchfiles watches, it watches before it first gives way.
        await asyncio.sleep(0)
        if task.done():
            _raise(task, new)
        self._tasks.append(task)
        self._places |= new

    async def saves(self) -> frozenset[Path]:
        """Wait for a burst of saves, and return its files.

        Raises:
            FastLambdaError: The system does not let the places be watched any longer.

        """
        waiting = asyncio.ensure_future(self._some.wait())
        try:
            await asyncio.wait({waiting, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        for task in self._tasks:
            if task.done():
                _raise(task, self._places)
        saved, self._saved = frozenset(self._saved), set()
        self._some.clear()
        return saved

    async def _follow(self, places: frozenset[Path]) -> None:
        changes = awatch(*places, watch_filter=_Sources(places), step=_QUIET_MS, debounce=_BURST_MS)
        async with contextlib.aclosing(changes):
            async for burst in changes:
                self._saved |= {Path(path) for _, path in burst}
                self._some.set()


def _raise(ended: asyncio.Task[None], places: Iterable[Path]) -> None:
    try:
        ended.result()
    except OSError as error:
        named = ", ".join(str(place) for place in sorted(places))
        raise FastLambdaError(
            f"Cannot watch {named} for saves",
            why=str(error),
            remedy="On Linux, raise fs.inotify.max_user_watches and fs.inotify.max_user_instances with sysctl.",
        ) from error


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
