"""Lambda's Python runtimes on this machine."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from fastlambda_cli.artifact.interpreter import SUPPORTED, find_python
from fastlambda_cli.local.model import Sink
from fastlambda_cli.local.packages import install_runtime


class MissingRuntimeError(Exception):
    """Nothing here runs it; its text says why and what to do."""


@dataclass(frozen=True, slots=True)
class InstalledRuntime:
    """An interpreter by Lambda's name for it, and the folder that is /var/runtime on Lambda."""

    name: str
    python: Path
    runtime_dir: Path


class Runtimes:
    """Finds and installs each runtime once.

    Args:
        sink: Is told what takes time.

    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._found: dict[str, InstalledRuntime] = {}
        self._lock = asyncio.Lock()

    async def installed(self, runtime: str) -> InstalledRuntime:
        """Return a runtime by Lambda's name for it, such as python3.13.

        Raises:
            MissingRuntimeError: It is none of Lambda's Python runtimes, or its interpreter is not on this machine.
            ToolchainError: What Lambda brings cannot be installed.

        """
        async with self._lock:
            if runtime not in self._found:
                self._found[runtime] = await self._install(runtime)
            return self._found[runtime]

    async def _install(self, runtime: str) -> InstalledRuntime:
        version = runtime.removeprefix("python")
        if version not in SUPPORTED:
            known = ", ".join(f"python{each}" for each in SUPPORTED)
            raise MissingRuntimeError(f"The runtime {runtime or 'that nobody names'} does not run here: {known} do.")
        python = await find_python(version)
        if python is None:
            raise MissingRuntimeError(
                f"Python {version} is not on this machine. Install it: uv python install {version}"
            )
        return InstalledRuntime(runtime, python, await install_runtime(python, version, self._sink))
