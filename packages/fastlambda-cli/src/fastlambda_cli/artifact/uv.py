"""uv as a subprocess: the one tool that finds interpreters, resolves, builds and installs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from uv import find_uv_bin

from fastlambda_cli.errors import ToolchainError

_FAILURE = re.compile(r"^(?:error:|\s*\u00d7)", re.MULTILINE)
"""Where uv begins to say what is wrong."""


def uv_binary(*, doing: str) -> str:
    """Return uv's path.

    Args:
        doing: What it is for, in words that complete "Cannot ...".

    Raises:
        ToolchainError: uv is missing.

    """
    try:
        return find_uv_bin()
    except FileNotFoundError as error:
        raise ToolchainError(
            f"Cannot {doing}", why="uv is missing", remedy="Install it with: pip install uv."
        ) from error


async def run_uv(
    *arguments: str,
    doing: str,
    cwd: Path | None = None,
    variables: Mapping[str, str] | None = None,
    quiet: bool = True,
    said: Callable[[str], object] | None = None,
) -> str:
    """Run uv to its end and return what it printed.

    Args:
        arguments: The command line after `uv`.
        doing: What this is for, in words that complete "Cannot ...".
        cwd: Where to run it.
        variables: Environment variables beside this process's own.
        quiet: False when what uv prints is wanted: `--quiet` leaves out even the answer to a question.
        said: Is told each line of what uv says of its work when it ends well; it has its warnings among them.

    Raises:
        ToolchainError: uv is missing, or it failed; the error ends with uv's own words.

    """
    process = await asyncio.create_subprocess_exec(
        uv_binary(doing=doing),
        *(["--quiet"] if quiet and said is None else []),
        "--no-progress",
        *arguments,
        cwd=cwd,
        env={**os.environ, **(variables or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Ctrl-C reaches a whole foreground group: uv would fail on it, and its failure look like an error.
        start_new_session=True,
    )
    try:
        out, err = await process.communicate()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        await process.wait()
        raise
    if process.returncode:
        raise ToolchainError(f"Cannot {doing}", why=_reason(err.decode(errors="replace")), remedy=_remedy(err))
    if said is not None:
        for line in err.decode(errors="replace").splitlines():
            said(line)
    return out.decode()


def _reason(stderr: str) -> str:
    begins = _FAILURE.search(stderr)
    told = stderr[begins.start() :] if begins else stderr
    lines = [line.strip() for line in told.splitlines() if line.strip() and not line.startswith("warning:")]
    return "\n  ".join(lines[-12:]) or "uv failed without saying why"


def _remedy(stderr: bytes) -> str:
    offline = (b"dns error", b"error sending request", b"Connection refused", b"timed out", b"client error (Connect)")
    if any(sign in stderr for sign in offline):
        return "The package index cannot be reached: check the network or proxy, then start again."
    return "Correct what uv names here, then start again."
