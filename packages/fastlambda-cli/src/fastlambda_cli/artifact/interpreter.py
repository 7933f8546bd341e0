"""The Python versions that Lambda has, and their interpreters on this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fastlambda_cli.artifact.uv import run_uv, uv_binary
from fastlambda_cli.errors import ToolchainError

SUPPORTED = ("3.11", "3.12", "3.13", "3.14")
"""Lambda's Python versions (Lambda developer guide, "Lambda runtimes")."""

OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
"""The version that runs this command."""


def own_python() -> Path:
    """The interpreter that runs this command, outside any virtual environment."""
    return Path(getattr(sys, "_base_executable", None) or sys.executable)


async def find_python(version: str) -> Path | None:
    """Find an interpreter of a version such as 3.13 on this machine; None when there is none.

    Raises:
        ToolchainError: uv is missing.

    """
    if version == OWN:
        return own_python()
    doing = f"find Python {version}"
    uv_binary(doing=doing)
    # pyenv's shims fail for a version that is installed and not selected, and uv gives up at the first that fails.
    path = os.pathsep.join([*map(str, _pyenv_folders(version)), os.environ.get("PATH", os.defpath)])
    try:
        # Away from the service, whose own environment and settings are not about this.
        found = await run_uv(
            *("python", "find", "--system", "--no-project", "--no-python-downloads", version),
            doing=doing,
            variables={"PATH": path},
            quiet=False,
        )
    except ToolchainError:
        return None
    return Path(found.strip())


def _pyenv_folders(version: str) -> list[Path]:
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return sorted(root.glob(f"versions/{version}.*/bin"), reverse=True)
