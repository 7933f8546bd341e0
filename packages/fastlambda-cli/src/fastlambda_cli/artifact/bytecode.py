"""Bytecode that Lambda trusts: of its own Python version, and valid whatever date a file gets when it is unzipped.

Ordinary bytecode is valid for a source file of one modification time, which no zip keeps, and Python then compiles
every module again at every cold start. PEP 552's unchecked hashes have no such time.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

from fastlambda_cli.errors import ToolchainError

TASK_ROOT = "/var/task"
"""Where Lambda unzips the artifact; tracebacks name files there."""

_NEEDED_TO_START = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


async def compile_folder(folder: Path, python: Path, *, workers: int) -> None:
    """Compile every module below a folder that Python can compile.

    Args:
        folder: Holds the modules.
        python: The interpreter, of the version that will import them.
        workers: How many processes; 0 is as many as there are processors.

    Raises:
        ToolchainError: The interpreter cannot do it.

    """
    flags = ("-q", "-q", "-f", "--invalidation-mode", "unchecked-hash", "-j", str(workers))
    command = ("-S", "-s", "-m", "compileall", *flags, "-s", str(folder), "-p", TASK_ROOT, str(folder))
    # 1 is for modules that are no Python of this version, such as a package's templates: nobody can import those.
    await run_python(python, *command, cwd=folder.parent, doing="compile the modules", ends_well=frozenset({0, 1}))


async def run_python(
    python: Path, *arguments: str, cwd: Path, doing: str, ends_well: frozenset[int] = frozenset({0})
) -> str:
    """Run an interpreter to its end, in an environment that gives the same everywhere, and return what it printed.

    Args:
        python: The interpreter.
        arguments: Its command line.
        cwd: Where to run it: elsewhere than in the service, a module of which could pass for one of Python's own.
        doing: What this is for, in words that complete "Cannot ...".
        ends_well: The exit statuses that mean so.

    Raises:
        ToolchainError: It ends otherwise, or has something to say on standard error.

    """
    machine = {name: os.environ[name] for name in _NEEDED_TO_START if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        str(python),
        *arguments,
        cwd=cwd,
        # Sets are written in the order of their hashes.
        env={**machine, "PATH": os.defpath, "PYTHONHASHSEED": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        printed, said = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode not in ends_well or said:
        raise ToolchainError(
            f"Cannot {doing} with {python}",
            why=said.decode(errors="replace").strip() or f"it ended with status {process.returncode}",
            remedy="See that this interpreter starts, or install another of its version with: uv python install.",
        )
    return printed.decode()
