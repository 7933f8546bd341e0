"""The files of an execution environment where it cannot have a file system of its own: this machine's.

What is /tmp on Lambda is a folder then, which TMPDIR names, where Python and most programs look first. The kernel keeps
every single file within the limit (RLIMIT_FSIZE), and the sum is looked at between events.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from fastlambda_cli.local.function.files import Launch
from fastlambda_cli.local.function.spec import FunctionSpec
from fastlambda_cli.local.model import Notice, Sink
from fastlambda_cli.local.processes import ProcessRegistry

_MB = 1024 * 1024
_BLOCK = 512
"""Bytes of what `st_blocks` counts."""


class TemporaryFolder:
    """A folder that lives as long as its environment, through every runtime in it.

    Args:
        spec: What runs in the environment.
        registry: Has a place for it, and deletes it if this process cannot.
        sink: Is told, once, that there is more.

    """

    def __init__(self, spec: FunctionSpec, registry: ProcessRegistry, sink: Sink) -> None:
        self._spec = spec
        self._registry = registry
        self._path: Path | None = None
        self._sink = sink
        self._told = False

    @property
    def largest_mb(self) -> int:
        """What no single file may be larger than: files can be written into /tmp alone on Lambda."""
        return self._spec.ephemeral_storage_mb

    def variables(self) -> Mapping[str, str]:
        """Where it is; it is made the first time.

        Raises:
            OSError: It cannot be made.

        """
        if self._path is None:
            self._path = self._registry.temporary_folder()
        return {"TMPDIR": str(self._path)}

    def launch(self, also: Sequence[Path]) -> Launch:  # noqa: ARG002 - nothing is hidden
        """Start the runtime as it is."""
        return Launch(self._spec.command)

    def look(self) -> None:
        """See how much is in it."""
        used = 0 if self._path is None else _size(self._path)
        if used > self._spec.ephemeral_storage_mb * _MB and not self._told:
            self._told = True
            has = f"{self._spec.name} has {-(-used // _MB)} MB in its temporary folder"
            text = (
                f"{has}, more than its {self._spec.ephemeral_storage_mb} MB: "
                "on Lambda it could not have written them (No space left on device)"
            )
            self._sink(Notice(text, warning=True))

    async def delete(self) -> None:
        """Delete it with all that is in it."""
        if self._path is not None:
            await asyncio.to_thread(shutil.rmtree, self._path, ignore_errors=True)


def _size(folder: Path) -> int:
    """The bytes on the disk of everything in a folder; what goes away meanwhile does not count."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(parent) / name).lstat().st_blocks * _BLOCK
    return total
