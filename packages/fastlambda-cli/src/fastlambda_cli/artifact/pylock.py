"""A pylock.toml (PEP 751) as the requirements file that packages are installed from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from packaging.pylock import Package, Pylock, PylockValidationError

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.model import Service
from fastlambda_cli.service.project import read_toml

PYLOCK = "pylock.toml"
_REMEDY = "Write it anew for the function alone, such as with: uv export --no-dev --no-emit-project -o pylock.toml."


def requirements_of(service: Service, file: Path) -> str:
    """The lines that pin what a pylock.toml has.

    Args:
        service: The service, whose packages from beside it are built and not locked.
        file: The lock.

    Raises:
        ConfigurationError: It is none, or has what cannot be installed by version and hash.

    """
    return "".join(f"{line}\n" for package in _read(file) for line in _pinned(service, file, package))


def _read(file: Path) -> tuple[Package, ...]:
    try:
        return tuple(Pylock.from_dict(read_toml(file) or {}).packages)
    except PylockValidationError as problem:
        raise ConfigurationError(f"{file} is no lock", why=str(problem), remedy=_REMEDY) from problem


def _pinned(service: Service, file: Path, package: Package) -> Iterator[str]:
    if package.directory is not None and (package.name in service.local_sources or _is_own(service, file, package)):
        return
    marker = str(package.marker or "")
    if "dependency_groups" in marker or "extras" in marker:
        why = f"{package.name} is for some of its uses only ({marker})"
        raise ConfigurationError(f"{file} is for several uses", why=why, remedy=_REMEDY)
    found = [wheel.hashes for wheel in package.wheels or ()] + ([package.sdist.hashes] if package.sdist else [])
    hashes = sorted({each["sha256"] for each in found if "sha256" in each})
    if package.version is None or not hashes:
        raise ConfigurationError(
            f"{file} has {package.name} without a version and a SHA-256 hash",
            why="only what is hash-pinned is the same here and on AWS",
            remedy=f"Lock a release of {package.name}, or name its wheel or folder in [tool.uv.sources].",
        )
    condition = f" ; {marker}" if marker else ""
    yield f"{package.name}=={package.version}{condition} {' '.join(f'--hash=sha256:{each}' for each in hashes)}"


def _is_own(service: Service, file: Path, package: Package) -> bool:
    return package.directory is not None and (file.parent / package.directory.path).resolve() == service.root.resolve()
