"""One local cloud a service at a time: two would fight over its state and its data."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from fastlambda_cli.errors import FastLambdaError


class AlreadyRunningError(FastLambdaError):
    """Another local cloud runs this service."""

    exit_code = 3


@contextlib.contextmanager
def exclusive(state: Path) -> Iterator[None]:
    """Hold the service's `.fastlambda` folder; the system lets go of it when this process ends, however it ends.

    The folder is made if missing, entered by the user alone and kept out of git: it holds secrets.

    Raises:
        AlreadyRunningError: Another process holds it.
        FastLambdaError: It cannot be made or written to.

    """
    with _opened(state) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise AlreadyRunningError(
                f"{state.parent.name} is already running",
                why=f"process {lock.read().strip() or 'unknown'} runs it",
                remedy="Use that one, or end it first.",
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _opened(state: Path) -> IO[str]:
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        (state / ".gitignore").write_text("*\n", encoding="ascii")
        return (state / "dev.lock").open("a+", encoding="ascii")
    except OSError as problem:
        raise FastLambdaError(
            f"Cannot keep local state in {state}",
            why=problem.strerror or str(problem),
            remedy="Make the service's folder writable, or work on a copy of it.",
        ) from problem
