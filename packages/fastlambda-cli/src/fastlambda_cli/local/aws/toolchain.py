"""The emulator's Python environment: its own, because its pins fit no user's, built once and shared by all services."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import platformdirs
import uv

from fastlambda_cli.errors import ToolchainError
from fastlambda_cli.local.model import Notice, Sink
from fastlambda_cli.local.processes import ProcessRegistry, signal_group

REQUIREMENTS = Path(__file__).with_name("emulator-requirements.txt")

_LOCK_POLL_S = 0.1
_DONE = "complete"


def cache_directory(environment: Mapping[str, str]) -> Path:
    """Where environments shared by all services live: FASTLAMBDA_CACHE_DIR, or the user's cache folder."""
    chosen = environment.get("FASTLAMBDA_CACHE_DIR")
    return Path(chosen) if chosen else platformdirs.user_cache_path("fastlambda")


async def emulator_python(
    processes: ProcessRegistry, sink: Sink, *, environment: Mapping[str, str] | None = None
) -> Path:
    """Return the interpreter of the emulator's environment; build the environment if it is not there.

    The environment is keyed by its pins and by the interpreter it is made from. A marker written last tells a
    whole one from one whose making was cut short, and a file lock lets two starts at once make only one.

    Args:
        processes: Runs uv.
        sink: Told before a build, and after.
        environment: The environment variables to look at and to run uv with; by default this process's.

    Raises:
        ToolchainError: uv is missing, or could not install the packages (no network, for example).

    """
    environment = os.environ if environment is None else environment
    directory = cache_directory(environment) / "emulator" / _key()
    python = directory / "venv" / "bin" / "python"
    if _whole(directory, python):
        return python
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with _locked(directory / "lock", sink):
        if not _whole(directory, python):
            await _build(directory, python, processes, sink, environment)
    return python


def _key() -> str:
    parts = (REQUIREMENTS.read_text(encoding="utf-8"), sys.version, sysconfig.get_platform(), sys.base_prefix)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _whole(directory: Path, python: Path) -> bool:
    # The interpreter is a link: it dangles when the Python it was made from is gone.
    return (directory / _DONE).exists() and python.exists()


async def _build(
    directory: Path, python: Path, processes: ProcessRegistry, sink: Sink, environment: Mapping[str, str]
) -> None:
    try:
        tool = uv.find_uv_bin()
    except FileNotFoundError as problem:
        raise ToolchainError(
            "uv is missing", why=str(problem), remedy="reinstall fastlambda-cli: uv is one of its dependencies"
        ) from problem
    (directory / _DONE).unlink(missing_ok=True)
    shutil.rmtree(directory / "venv", ignore_errors=True)
    sink(Notice("Installing the AWS emulator into an environment of its own (about 60 MB, only once)"))
    started = time.monotonic()
    run = _Uv(tool, directory, processes, environment)
    await run(["venv", "--no-project", "--python", sys.executable, str(directory / "venv")])
    into = ["pip", "install", "--python", str(python)]
    await run([*into, "--require-hashes", "--only-binary", ":all:", "--compile-bytecode", "-r", str(REQUIREMENTS)])
    (directory / _DONE).touch()
    sink(Notice(f"Installed the AWS emulator in {time.monotonic() - started:.1f} s"))


class _Uv:
    """Runs uv away from the user's project, whose uv settings are not the emulator's."""

    def __init__(self, tool: str, directory: Path, processes: ProcessRegistry, environment: Mapping[str, str]) -> None:
        self._tool = tool
        self._directory = directory
        self._processes = processes
        self._environment = {key: value for key, value in environment.items() if key != "VIRTUAL_ENV"}

    async def __call__(self, arguments: Sequence[str]) -> None:
        process = await self._processes.spawn(
            [self._tool, *arguments, "--quiet", "--color", "never"],
            env=self._environment,
            cwd=self._directory,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            _, errors = await process.communicate()
        finally:
            if process.returncode is None:
                signal_group(process.pid, signal.SIGKILL)
                await process.wait()
            self._processes.forget(process.pid)
        if process.returncode:
            raise ToolchainError(
                "The AWS emulator could not be installed",
                why="; ".join(errors.decode(errors="replace").split("\n")).strip("; ") or "uv told no reason",
                remedy="check the connection to your package index (network, proxy, UV_DEFAULT_INDEX) and start "
                "again: what was downloaded is kept",
            )


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
