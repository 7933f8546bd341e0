"""The service's lock as uv installs it: a requirements file in which every package has its version and its hashes."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from fastlambda_cli.artifact.fingerprint import digest
from fastlambda_cli.artifact.installation import make_state, unwritable
from fastlambda_cli.artifact.model import Platform
from fastlambda_cli.artifact.platforms import platform_flags
from fastlambda_cli.artifact.pylock import PYLOCK, requirements_of
from fastlambda_cli.artifact.telling import Tell
from fastlambda_cli.artifact.uv import run_uv
from fastlambda_cli.errors import ConfigurationError, ToolchainError
from fastlambda_cli.service.model import Service
from fastlambda_cli.service.project import PYPROJECT, read_toml

_UV_LOCK = "uv.lock"
_PACKAGES_OF = {_UV_LOCK: "package", PYLOCK: "packages"}
_EXPORT = ("export", "--frozen", "--no-dev", "--no-emit-project", "--no-emit-local", "--no-header")


async def locked_requirements(
    service: Service, state: Path, python: Callable[[], Awaitable[Path]], version: str, tell: Tell
) -> Path:
    """Return the lock as a requirements file; a project without a lock is locked first, and told so.

    Args:
        service: The service.
        state: Its `.fastlambda` folder, where a file that is made here is kept.
        python: Finds an interpreter with which uv may build what it must look into; asked only where uv resolves.
        version: The function's Python, such as 3.13.
        tell: Is told what takes time.

    Raises:
        ToolchainError: uv is missing, or the dependencies cannot be resolved.
        ConfigurationError: The lock does not cover the project's dependencies.
        FastLambdaError: Nothing can be kept in the state folder.

    """
    check_lock(service)
    try:
        lock = await _lock(service, state, python, version, tell)
    except OSError as problem:
        raise unwritable(state, problem) from problem
    _check_covered(service, lock, locked_names(lock))
    return lock


def locked_names(lock: Path) -> frozenset[str]:
    """The canonical names of the packages that a requirements file pins."""
    text = lock.read_text(encoding="utf-8")
    return frozenset(
        canonicalize_name(name) for name in re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*) *(?:==|@)", text, re.MULTILINE)
    )


def pins(lock: Path) -> str:
    """What a requirements file says to a machine: its lines without comments, which name files and folders."""
    lines = (line.strip() for line in lock.read_text(encoding="utf-8").splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("#"))


async def _lock(service: Service, state: Path, python: Callable[[], Awaitable[Path]], version: str, tell: Tell) -> Path:
    if service.lock is not None and service.lock.name not in {_UV_LOCK, PYLOCK}:
        return service.lock
    make_state(state)
    if service.lock is not None and service.lock.name == PYLOCK:
        return _converted(service, service.lock, state)
    if service.lock is not None:
        return await _exported(service, service.lock, state)
    prefix = f"locked-{version}-"
    platform = Platform(service.configuration.architecture)
    target = state / f"{prefix}{_wishes(service, platform)}.txt"
    if not target.exists():
        for earlier in state.glob(f"{prefix}*.txt"):
            earlier.unlink()
        if service.dependencies:
            tell("The project has no lock (uv.lock or a hash-pinned requirements.txt): locking its dependencies now")
            await _compile(service, target, await python(), version, platform)
        else:
            target.write_text("", encoding="utf-8")
    return target


def _converted(service: Service, lock: Path, state: Path) -> Path:
    target = state / "pylock.txt"
    text = requirements_of(service, lock)
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        with tempfile.TemporaryDirectory(dir=state, prefix="export-") as folder:
            partial = Path(folder) / target.name
            partial.write_text(text, encoding="utf-8")
            partial.replace(target)
    return target


async def _exported(service: Service, lock: Path, state: Path) -> Path:
    """The lock of uv as a requirements file; uv is asked only when what it would read has changed."""
    target = state / "uv-lock.txt"
    made_of = f"# {_exported_from(service, lock)}"
    with contextlib.suppress(FileNotFoundError), target.open(encoding="utf-8") as kept:
        if kept.readline().rstrip("\n") == made_of:
            return target
    with tempfile.TemporaryDirectory(dir=state, prefix="export-") as folder:
        exported = Path(folder) / target.name
        await run_uv(*_EXPORT, "--output-file", str(exported), cwd=service.root, doing=f"read {lock}")
        exported.write_text(f"{made_of}\n{exported.read_text(encoding='utf-8')}", encoding="utf-8")
        exported.replace(target)
    return target


def _exported_from(service: Service, lock: Path) -> str:
    """Changes whenever an export may: with the lock, and with what says which of its packages the service has."""
    projects = (path / PYPROJECT for path in dict.fromkeys((service.root, lock.parent)))
    return digest(repr(_EXPORT), *(path.read_text(encoding="utf-8") for path in (lock, *projects) if path.exists()))


def _wishes(service: Service, platform: Platform) -> str:
    """Changes whenever the service, or a package beside it, asks for other packages, or needs them for elsewhere."""
    projects = (path / PYPROJECT for path in service.local_sources.values())
    return digest(platform, repr((service.dependencies, [read_toml(project) for project in projects])))


async def _compile(service: Service, target: Path, python: Path, version: str, platform: Platform) -> None:
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "requirements.in"
        wanted.write_text("\n".join(_resolvable(service)), encoding="utf-8")
        partial = Path(folder) / "locked.txt"
        local = [flag for name in service.local_sources for flag in ("--no-emit-package", name)]
        flags = ("--no-header", *local, "--output-file", str(partial))
        interpreter = ("--python", str(python), "--python-version", version)
        resolve = functools.partial(
            run_uv,
            *("pip", "compile", str(wanted), *interpreter, *flags),
            cwd=service.root,
            doing=f"resolve the dependencies of {service.name}",
        )
        # uv prefers the versions that its output file has: first those with a wheel for Lambda, then for all platforms.
        # Where a package has no such wheel in any version, it is packing that says which.
        with contextlib.suppress(ToolchainError):
            await resolve(*platform_flags(platform, version))
        await resolve("--universal", "--generate-hashes")
        # Another command may have been faster, and already packs what it locked.
        if not target.exists():
            shutil.move(partial, target)


def _resolvable(service: Service) -> Iterator[str]:
    for requirement in service.dependencies:
        path = service.local_sources.get(_name_of(requirement))
        if path is None:
            yield requirement
            continue
        wanted = Requirement(requirement)
        wanted.specifier, wanted.url = SpecifierSet(), path.as_uri()
        yield str(wanted)


def source_size(lock: Path | None, name: str) -> int | None:
    """Bytes of a package's source distribution; None where the lock does not tell, as a requirements file does not."""
    if lock is None or lock.name not in _PACKAGES_OF:
        return None
    packages = (read_toml(lock) or {}).get(_PACKAGES_OF[lock.name], [])
    named = [one for one in packages if canonicalize_name(one["name"]) == canonicalize_name(name)]
    size = named[0].get("sdist", {}).get("size") if named else None
    return size if isinstance(size, int) else None


def check_lock(service: Service) -> None:
    """Check that the lock of a service, if it has one, has every package that the service asks for.

    Raises:
        ConfigurationError: It lacks some.

    """
    if service.lock is None:
        return
    if service.lock.name in _PACKAGES_OF:
        packages = (read_toml(service.lock) or {}).get(_PACKAGES_OF[service.lock.name], [])
        pinned = frozenset[str](canonicalize_name(package["name"]) for package in packages)
    else:
        pinned = locked_names(service.lock)
    _check_covered(service, service.lock, pinned)


def _check_covered(service: Service, lock: Path, pinned: frozenset[str]) -> None:
    missing = sorted(
        name for name in map(_name_of, service.dependencies) if name not in pinned and name not in service.local_sources
    )
    if missing:
        uv = lock.name == _UV_LOCK
        raise ConfigurationError(
            f"{os.path.relpath(lock, service.root)} is out of date",
            why=f"it has no {', '.join(missing)}, which pyproject.toml asks for",
            remedy="Run: uv lock" if uv else "Lock again, with the command that made the file, such as uv pip compile.",
        )


def _name_of(requirement: str) -> str:
    """The normalised package name of a requirement."""
    return canonicalize_name(Requirement(requirement).name)
