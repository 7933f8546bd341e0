"""The emulator's Python environment: its own, because its pins fit no user's, made once and shared by all services."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import hashlib
import shutil
import sys
import sysconfig
import time
from collections.abc import AsyncIterator
from pathlib import Path

from fastlambda_cli.local.model import Notice, Sink
from fastlambda_cli.local.packages import cache_dir
from fastlambda_cli.local.uv import run_uv

REQUIREMENTS = Path(__file__).with_name("emulator-requirements.txt")

_LOCK_POLL_S = 0.1


async def emulator_python(sink: Sink) -> Path:
    """Return the interpreter of the emulator's environment; make the environment if it is not there.

    The environment is named by its pins and by the interpreter it is made from. It is made aside and moved into
    place whole, so that one whose making was cut short is never used; of two starts at once, one makes it and the
    other waits.

    Raises:
        ToolchainError: uv is missing, or could not install the packages (no network, for example).

    """
    place = (cache_dir() / "emulator" / _key()).absolute()
    python = place / "bin" / "python"
    # The interpreter is a link: it dangles when the Python it was made from is gone.
    if not python.exists():
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        async with _locked(place.with_suffix(".lock"), sink):
            if not python.exists():
                await _make(place, sink)
    return python


def _key() -> str:
    parts = (REQUIREMENTS.read_text(encoding="utf-8"), sys.version, sysconfig.get_platform(), sys.base_prefix)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


async def _make(place: Path, sink: Sink) -> None:
    sink(Notice("Installing the AWS emulator into an environment of its own (about 60 MB, only once)"))
    started = time.monotonic()
    aside = place.with_suffix(".partial")
    for leftover in (aside, place):
        shutil.rmtree(leftover, ignore_errors=True)
    # Away from the user's project, whose uv settings are not the emulator's.
    run = functools.partial(run_uv, doing="install the AWS emulator", cwd=place.parent)
    try:
        await run("venv", "--no-project", "--python", sys.executable, str(aside))
        into = ("--python", str(aside / "bin" / "python"), "--compile-bytecode")
        await run("pip", "install", *into, "--require-hashes", "--only-binary", ":all:", "-r", str(REQUIREMENTS))
        aside.rename(place)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    sink(Notice(f"Installed the AWS emulator in {time.monotonic() - started:.1f} s"))


@contextlib.asynccontextmanager
async def _locked(path: Path, sink: Sink) -> AsyncIterator[None]:
    with path.open("w") as file:
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    sink(Notice("Another start is installing the AWS emulator: waiting for it"))
                    told = True
                await asyncio.sleep(_LOCK_POLL_S)
        yield
