"""The emulator's Python environment: its own, because its pins fit no user's, made once and shared by all services."""

from __future__ import annotations

import functools
import hashlib
import sys
import sysconfig
import time
from pathlib import Path

from fastlambda_cli.artifact.installation import cache_dir, installed
from fastlambda_cli.artifact.uv import run_uv
from fastlambda_cli.local.model import Notice, Sink
from fastlambda_cli.local.packages import teller

REQUIREMENTS = Path(__file__).with_name("emulator-requirements.txt")

_PYTHON = "bin/python"


async def emulator_python(sink: Sink) -> Path:
    """Return the interpreter of the emulator's environment; make the environment if it is not there.

    The environment is named by its pins and by the interpreter it is made from. That interpreter is a link in it: it
    dangles when the Python it was made from is gone, and then the environment is made anew.

    Raises:
        ToolchainError: uv is missing, or could not install the packages (no network, for example).

    """

    async def fill(folder: Path) -> None:
        sink(Notice("Installing the AWS emulator into an environment of its own (about 60 MB, only once)"))
        started = time.monotonic()
        # Away from the user's project, whose uv settings are not the emulator's.
        run = functools.partial(run_uv, doing="install the AWS emulator", cwd=folder.parent)
        await run("venv", "--no-project", "--python", sys.executable, str(folder))
        into = ("--python", str(folder / _PYTHON), "--compile-bytecode")
        await run("pip", "install", *into, "--require-hashes", "--only-binary", ":all:", "-r", str(REQUIREMENTS))
        sink(Notice(f"Installed the AWS emulator in {time.monotonic() - started:.1f} s"))

    def starts(place: Path) -> bool:
        return (place / _PYTHON).exists()

    place = cache_dir() / "emulator" / _key()
    return await installed(place, fill, teller(sink), what="the AWS emulator", sound=starts) / _PYTHON


def _key() -> str:
    parts = (REQUIREMENTS.read_text(encoding="utf-8"), sys.version, sysconfig.get_platform(), sys.base_prefix)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
