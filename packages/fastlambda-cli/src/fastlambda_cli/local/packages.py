"""What a function can import here: its locked packages, and what Lambda's own runtime brings. Nothing else.

Both are folders named by a digest of what goes into them, so that an unchanged one is found again at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fastlambda_cli.errors import ConfigurationError, ToolchainError
from fastlambda_cli.local.installation import cache_dir, installed
from fastlambda_cli.local.model import Notice, Sink
from fastlambda_cli.local.uv import run_uv
from fastlambda_cli.service.model import Service
from fastlambda_cli.service.project import PYPROJECT, read_toml

RUNTIME_PACKAGES = ("awslambdaric==4.2.2", "boto3==1.44.5")
"""What Lambda's Python runtimes bring themselves, of the versions that this release is tested with."""

PORTABLE_CLIENT = Path(__file__).parent / "function" / "portable" / "runtime_client.py"
"""Stands in for awslambdaric's native module on systems where awslambdaric is built without it, such as macOS."""

_NOT_SOURCES = frozenset({"__pycache__", "node_modules", "venv"})
_BUILT = frozenset({"build", "dist"})

SUPPORTED = ("3.11", "3.12", "3.13", "3.14")


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
    python, version = await _interpreter(service, sink)
    runtime_dir = await install_runtime(python, version, sink)
    packages = await _packages(service, state, python, version, sink)
    return Importable(python, f"python{version}", packages, runtime_dir)


async def _interpreter(service: Service, sink: Sink) -> tuple[Path, str]:
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    base = Path(getattr(sys, "_base_executable", None) or sys.executable)
    wanted = service.configuration.runtime
    if wanted is None or wanted == f"python{own}":
        if own not in SUPPORTED:
            raise ToolchainError(
                f"Cannot run the function on Python {own}",
                why=f"Lambda has {', '.join(SUPPORTED)}",
                remedy=f"Run this command with one of them: uv run --python {SUPPORTED[-2]} fastlambda ...",
            )
        return base, own
    version = wanted.removeprefix("python")
    try:
        found = await run_uv("python", "find", "--system", version, doing=f"find Python {version}")
    except ToolchainError:
        text = (
            f"Python {version} is not on this machine, so the function runs on {own} here and on {version} on Lambda."
        )
        sink(Notice(f"{text} For the same version: uv python install {version}", warning=True))
        return base, own
    return Path(found.strip()), version


async def install_runtime(python: Path, version: str, sink: Sink) -> Path:
    """Return the folder with what Lambda's Python runtime brings: the same for every service of this user.

    Raises:
        ToolchainError: It cannot be installed.

    """
    digest = _digest("\n".join((*RUNTIME_PACKAGES, version, platform.platform())).encode())
    target = cache_dir() / "runtime" / f"{version}-{digest}"

    async def fill(folder: Path) -> None:
        sink(Notice(f"Installing Lambda's own runtime packages for Python {version} ({', '.join(RUNTIME_PACKAGES)})"))
        await _install(folder, python, *RUNTIME_PACKAGES, doing="install what Lambda's Python runtime brings")
        if not list(folder.glob("runtime_client.*")):
            shutil.copy(PORTABLE_CLIENT, folder)

    return await installed(target, fill, sink, what="Lambda's own runtime packages")


async def _packages(service: Service, state: Path, python: Path, version: str, sink: Sink) -> Path:
    lock = await _lock(service, state, python, sink)
    _check_covered(service, lock)
    sources = {name: _fingerprint(path) for name, path in sorted(service.local_sources.items())}
    parts = (lock.read_text(encoding="utf-8"), repr(sources), version, platform.platform())
    target = state / "packages" / _digest("\n".join(parts).encode())

    async def fill(folder: Path) -> None:
        count = len(_locked_names(lock))
        sink(Notice(f"Installing {count} locked packages for Python {version} from {_shown(lock, service.root)}"))
        await _install(folder, python, "--no-deps", "-r", str(lock), doing=f"install the packages of {service.name}")
        for name, path in sorted(service.local_sources.items()):
            sink(Notice(f"Building {name} from {_shown(path, service.root)}"))
            await _install(folder, python, "--no-deps", str(path), doing=f"build and install {name} from {path}")

    return await installed(target, fill, sink, what=f"the packages of {service.name}")


async def _lock(service: Service, state: Path, python: Path, sink: Sink) -> Path:
    """The service's lock as a requirements file; a project without one is locked first, and told so."""
    if service.lock is not None and service.lock.name != "uv.lock":
        return service.lock
    state.mkdir(mode=0o700, exist_ok=True)
    if service.lock is not None:
        target = state / "uv-lock.txt"
        flags = ("--frozen", "--no-dev", "--no-emit-project", "--no-emit-local", "--no-header", "--output-file")
        await run_uv("export", *flags, str(target), cwd=service.root, doing=f"read {service.lock}")
        return target
    target = state / f"locked-{_wishes(service)}.txt"
    if not target.exists():
        for earlier in state.glob("locked-*.txt"):
            earlier.unlink()
        sink(
            Notice("The project has no lock (uv.lock or a hash-pinned requirements.txt): locking its dependencies now")
        )
        await _compile(service, target, python)
    return target


def _wishes(service: Service) -> str:
    """Changes whenever the service, or a package beside it, asks for other packages."""
    projects = (path / PYPROJECT for path in service.local_sources.values())
    return _digest(repr((service.dependencies, [read_toml(project) for project in projects])).encode())


async def _compile(service: Service, target: Path, python: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "requirements.in"
        wanted.write_text("\n".join(_resolvable(service)), encoding="utf-8")
        partial = Path(folder) / "locked.txt"
        local = [flag for name in service.local_sources for flag in ("--no-emit-package", name)]
        flags = ("--universal", "--generate-hashes", "--no-header", *local, "--output-file", str(partial))
        interpreter = ("--python", str(python))
        doing = f"resolve the dependencies of {service.name}"
        await run_uv("pip", "compile", str(wanted), *interpreter, *flags, doing=doing)
        shutil.move(partial, target)


def _resolvable(service: Service) -> Iterator[str]:
    for requirement in service.dependencies:
        path = service.local_sources.get(_name_of(requirement))
        yield f"{_name_of(requirement)} @ {path.as_uri()}" if path else requirement


async def _install(folder: Path, python: Path, *what: str, doing: str) -> None:
    where = ("--target", str(folder), "--python", str(python), "--compile-bytecode")
    await run_uv("pip", "install", *where, *what, doing=doing)


def _check_covered(service: Service, lock: Path) -> None:
    missing = sorted(
        name
        for name in map(_name_of, service.dependencies)
        if name not in _locked_names(lock) and name not in service.local_sources
    )
    if missing:
        raise ConfigurationError(
            f"{_shown(lock, service.root)} is out of date",
            why=f"it has no {', '.join(missing)}, which pyproject.toml asks for",
            remedy="Lock again, with the command that made the file (uv lock, or uv pip compile).",
        )


def _locked_names(lock: Path) -> frozenset[str]:
    text = lock.read_text(encoding="utf-8")
    return frozenset(
        canonicalize_name(name) for name in re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*) *(?:==|@)", text, re.MULTILINE)
    )


def _name_of(requirement: str) -> str:
    """The normalised package name of a requirement."""
    return canonicalize_name(Requirement(requirement).name)


def _fingerprint(path: Path) -> str:
    """Changes whenever a file that may go into the wheel does."""
    files = [path] if path.is_file() else sorted(_sources(path))
    seen: list[tuple[str, int, int]] = []
    for file in files:
        # An editor that writes aside and renames may take a file away between the listing and this look at it.
        with contextlib.suppress(FileNotFoundError):
            stat = file.stat()
            seen.append((str(file), stat.st_size, stat.st_mtime_ns))
    return _digest(repr(seen).encode())


def _sources(folder: Path) -> Iterator[Path]:
    """Every file of a project but what tools keep in it: caches, a virtual environment, built wheels."""
    for place, folders, files in os.walk(folder):
        others = _NOT_SOURCES | _BUILT if Path(place) == folder else _NOT_SOURCES
        folders[:] = [name for name in folders if not name.startswith(".") and name not in others]
        yield from (Path(place, name) for name in files)


def _shown(path: Path, root: Path) -> str:
    return os.path.relpath(path, root)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
