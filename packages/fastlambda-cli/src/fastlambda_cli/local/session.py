"""One local cloud a service at a time: two would fight over its state and its data.

Whoever runs it holds a lock for as long as the process lives, and says in a file where it can be reached.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fastlambda_cli.artifact import installation
from fastlambda_cli.artifact.installation import make_state, unwritable
from fastlambda_cli.errors import FastLambdaError
from fastlambda_cli.local.processes import start_time

STATE = installation.STATE
"""The folder beside the service where everything local is kept."""

_RECORD = "session.json"


@dataclass(frozen=True, slots=True)
class Session:
    """A local cloud that is running and ready.

    Attributes:
        stage: The stage of the service that it runs.
        endpoint_url: Where AWS SDKs find AWS.
        http_url: Where the HTTP API of the service's folder is.
        pid: The process that runs it.
        started: When that process started, in a form that only compares: a pid alone may by then be a stranger's.

    """

    stage: str
    endpoint_url: str
    http_url: str
    pid: int = dataclasses.field(default_factory=os.getpid)
    started: str | None = dataclasses.field(default_factory=lambda: start_time(os.getpid()))


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


@contextlib.contextmanager
def recorded(state: Path, session: Session) -> Iterator[None]:
    """Tell other commands of this session while the block runs; for the holder of `exclusive` only.

    Raises:
        FastLambdaError: The folder cannot be written to.

    """
    path = state / _RECORD
    partial = path.with_suffix(".partial")
    try:
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(dataclasses.asdict(session), file)
        partial.rename(path)
    except OSError as problem:
        raise unwritable(state, problem) from problem
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def running_session(state: Path) -> Session | None:
    """The session that its process has recorded; None when there is none, or when it ended without a word."""
    try:
        session = Session(**json.loads((state / _RECORD).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):  # none, or one of another release
        return None
    return session if start_time(session.pid) == session.started else None


def _opened(state: Path) -> IO[str]:
    make_state(state)
    try:
        return (state / "dev.lock").open("a+", encoding="ascii")
    except OSError as problem:
        raise unwritable(state, problem) from problem
