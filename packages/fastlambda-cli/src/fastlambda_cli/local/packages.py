"""What a function can import here: its locked packages, and what Lambda's own runtime brings. Nothing else.

Both are folders named by a digest of what goes into them, so that an unchanged one is found again at once.
"""

from __future__ import annotations

import functools
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from fastlambda_cli.artifact.fingerprint import digest, fingerprint
from fastlambda_cli.artifact.installation import cache_dir, installed
from fastlambda_cli.artifact.interpreter import OWN, SUPPORTED, find_python, own_python
from fastlambda_cli.artifact.lock import locked_names, locked_requirements, pins
from fastlambda_cli.artifact.project_metadata import project_metadata
from fastlambda_cli.artifact.telling import Tell
from fastlambda_cli.artifact.uv import run_uv
from fastlambda_cli.errors import ToolchainError
from fastlambda_cli.local.model import Notice, Sink
from fastlambda_cli.service.model import Service

RUNTIME_PACKAGES = ("awslambdaric==4.2.2", "boto3==1.44.5")
"""What Lambda's Python runtimes bring themselves, of the versions that this release is tested with."""

PORTABLE_CLIENT = Path(__file__).parent / "function" / "portable" / "runtime_client.py"
"""Stands in for awslambdaric's native module on systems where awslambdaric is built without it, such as macOS."""


@dataclass(frozen=True, slots=True)
class Importable:
    """Where a function's imports come from.

    Attributes:
        python: The interpreter, outside any virtual environment.
        runtime: Lambda's name for its version, such as python3.13.
        packages: The locked packages.
        runtime_dir: What Lambda's runtime brings.

    """

    python: Path
    runtime: str
    packages: Path
    runtime_dir: Path


async def prepare(service: Service, state: Path, sink: Sink) -> Importable:
    """Install what is missing and say where everything is.

    Args:
        service: The service.
        state: Its `.fastlambda` folder.
        sink: Is told what takes time.

    Raises:
        ToolchainError: uv, an interpreter or a package cannot be had.
        ConfigurationError: The lock does not cover the project's dependencies.

    """
    tell = teller(sink)
    python, version = await _interpreter(service, tell)
    runtime_dir = await install_runtime(python, version, sink)
    packages = await _packages(service, state, python, version, tell)
    return Importable(python, f"python{version}", packages, runtime_dir)


def teller(sink: Sink) -> Tell:
    """Say to a sink, as notices, what installing has to say."""

    def tell(text: str, /, *, warning: bool = False) -> None:
        sink(Notice(text, warning=warning))

    return tell


async def _interpreter(service: Service, tell: Tell) -> tuple[Path, str]:
    wanted = service.configuration.runtime
    if wanted is None or wanted == f"python{OWN}":
        if OWN not in SUPPORTED:
            raise ToolchainError(
                f"Cannot run the function on Python {OWN}",
                why=f"Lambda has {', '.join(SUPPORTED)}",
                remedy=f"Run this command with one of them: uv run --python {SUPPORTED[-2]} fastlambda ...",
            )
        return own_python(), OWN
    version = wanted.removeprefix("python")
    found = await find_python(version)
    if found is None:
        text = (
            f"Python {version} is not on this machine, so the function runs on {OWN} here and on {version} on Lambda."
        )
        tell(f"{text} For the same version: uv python install {version}", warning=True)
        return own_python(), OWN
    return found, version


async def install_runtime(python: Path, version: str, sink: Sink) -> Path:
    """Return the folder with what Lambda's Python runtime brings: the same for every service of this user.

    Raises:
        ToolchainError: It cannot be installed.

    """
    tell = teller(sink)
    target = cache_dir() / "runtime" / f"{version}-{digest(*RUNTIME_PACKAGES, version, platform.platform())}"

    async def fill(folder: Path) -> None:
        tell(f"Installing Lambda's own runtime packages for Python {version} ({', '.join(RUNTIME_PACKAGES)})")
        await _install(folder, python, *RUNTIME_PACKAGES, doing="install what Lambda's Python runtime brings")
        if not list(folder.glob("runtime_client.*")):
            shutil.copy(PORTABLE_CLIENT, folder)

    return await installed(target, fill, tell, what="Lambda's own runtime packages")


async def _packages(service: Service, state: Path, python: Path, version: str, tell: Tell) -> Path:
    async def found() -> Path:
        return python

    lock = await locked_requirements(service, state, found, version, tell)
    sources = {name: fingerprint(path) for name, path in sorted(service.local_sources.items())}
    metadata = project_metadata(service)
    parts = (pins(lock), repr(sources), repr(metadata), version, platform.platform())
    target = state / "packages" / digest(*parts)

    async def fill(folder: Path) -> None:
        count = len(locked_names(lock))
        tell(f"Installing {count} locked packages for Python {version} from {_shown(lock, service.root)}")
        install = functools.partial(_install, folder, python, "--no-deps", cwd=service.root)
        await install("-r", str(lock), doing=f"install the packages of {service.name}")
        for name, path in sorted(service.local_sources.items()):
            tell(f"Building {name} from {_shown(path, service.root)}")
            await install(str(path), doing=f"build and install {name} from {path}")
        for file, content in metadata.items():
            (folder / file).parent.mkdir()
            (folder / file).write_bytes(content)

    return await installed(target, fill, tell, what=f"the packages of {service.name}")


async def _install(folder: Path, python: Path, *what: str, doing: str, cwd: Path | None = None) -> None:
    where = ("--target", str(folder), "--python", str(python), "--compile-bytecode")
    await run_uv("pip", "install", *where, *what, doing=doing, cwd=cwd)


def _shown(path: Path, root: Path) -> str:
    return os.path.relpath(path, root)
