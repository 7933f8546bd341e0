"""Folders that are installed once: filled aside under a lock and moved into place whole, or not there at all.

A start that is cut short, even by `kill -9`, leaves nothing that a later one would take for an installation, and what
it leaves is cleared by the next that fills the same place.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from platformdirs import user_cache_path

from fastlambda_cli.artifact.telling import Tell
from fastlambda_cli.errors import FastLambdaError, ToolchainError

STATE = ".fastlambda"
"""The folder beside the service where everything that is made for it is kept."""

_LOCK_POLL_S = 0.1
_LOCK = ".lock"
_PARTIAL = ".partial"


def cache_dir() -> Path:
    """Where things that every service shares are kept; FASTLAMBDA_CACHE_DIR overrides the user's cache folder."""
    override = os.environ.get("FASTLAMBDA_CACHE_DIR")
    return Path(override).absolute() if override else user_cache_path("fastlambda")


def make_state(state: Path) -> None:
    """Make a service's `.fastlambda` folder if it is missing, entered by the user alone and kept out of git.

    Raises:
        FastLambdaError: It cannot be made or written to.

    """
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        (state / ".gitignore").write_text("*\n", encoding="ascii")
    except OSError as problem:
        raise unwritable(state, problem) from problem


def unwritable(state: Path, problem: OSError) -> FastLambdaError:
    """The error of a `.fastlambda` folder that nothing can be kept in."""
    return FastLambdaError(
        f"Cannot keep local state in {state}",
        why=problem.strerror or str(problem),
        remedy="Make the service's folder writable, or work on a copy of it.",
    )


async def installed(
    place: Path,
    fill: Callable[[Path], Awaitable[None]],
    tell: Tell,
    *,
    what: str,
    verb: str = "install",
    sound: Callable[[Path], bool] = Path.exists,
) -> Path:
    """Return the folder `place`; have it filled first if it is not there, or not sound.

    Args:
        place: The folder, named by everything that decides what goes into it.
        fill: Fills the empty folder it is given, which lies beside `place`.
        tell: Is told when another start is filling the place, and this one waits.
        what: What is installed, for people.
        verb: What is done, for people.
        sound: Says whether the folder counts; one that does not is told to be damaged, and filled anew.

    Raises:
        ToolchainError: The folder cannot be made, or `fill` says so.

    """
    if sound(place):
        return place
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        async with _locked(_beside(place, _LOCK), tell, f"{verb}s {what}"):
            if not sound(place):
                if place.exists():
                    tell(f"What is kept of {what} in {place} is damaged: making it anew", warning=True)
                await _fill(place, fill)
    except OSError as problem:
        raise ToolchainError(
            f"Cannot {verb} {what}",
            why=str(problem),
            remedy=f"See that {place.parent} can be written to and its disk has room, then start again.",
        ) from problem
    return place


def keep_newest(current: Path, count: int) -> None:
    """Delete all but the most recently used of the installations beside `current`, which is in use now."""
    os.utime(current)
    ages: list[tuple[float, Path]] = []
    for path in current.parent.iterdir():
        # Another command may be clearing the same folder.
        with contextlib.suppress(FileNotFoundError):
            if path.is_dir() and path.suffix != _PARTIAL:
                ages.append((path.stat().st_mtime, path))
    for _, path in sorted(ages, reverse=True)[count:]:
        shutil.rmtree(path, ignore_errors=True)
        _beside(path, _LOCK).unlink(missing_ok=True)


def remove_others(current: Path) -> None:
    """Delete the installations beside `current` that were made for what is no longer wanted."""
    for path in current.parent.iterdir():
        if path.name.removesuffix(_LOCK) == current.name:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


async def _fill(place: Path, fill: Callable[[Path], Awaitable[None]]) -> None:
    aside = _beside(place, _PARTIAL)
    for leftover in (aside, place):
        if leftover.exists():
            shutil.rmtree(leftover)
    aside.mkdir(mode=0o700)
    try:
        await fill(aside)
        aside.rename(place)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _beside(place: Path, suffix: str) -> Path:
    return place.with_name(place.name + suffix)


@contextlib.asynccontextmanager
async def _locked(path: Path, tell: Tell, doing: str) -> AsyncIterator[None]:
    with path.open("w") as file:
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    tell(f"Another command {doing}: waiting for it")
                    told = True
                await asyncio.sleep(_LOCK_POLL_S)
        yield
