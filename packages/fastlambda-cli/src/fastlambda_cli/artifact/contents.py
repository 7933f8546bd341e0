"""What uv put into a folder, made fit for a zip: without what tells the machine, and every file with its owner."""

from __future__ import annotations

import os
import shutil
import stat
from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib.metadata import distributions
from pathlib import Path

from fastlambda_cli.artifact.archive import Entry
from fastlambda_cli.artifact.model import Package

_OF_THE_MACHINE = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_build.json", "uv_cache.json"})
"""What an installer notes in a .dist-info; METADATA and entry_points.txt are the package's own."""

Owners = Mapping[str, tuple[str, str]]
"""The name and version of the distribution of each file, by its path below the folder."""


def owners_in(folder: Path) -> Owners:
    """Read which file is of which distribution; bytecode is of its module's."""
    owners: dict[str, tuple[str, str]] = {}
    for distribution in distributions(path=[str(folder)]):
        owner = (distribution.name, distribution.version)  # each look at them parses METADATA anew
        for path in distribution.files or ():
            owners[os.path.normpath(path).replace(os.sep, "/")] = owner
    return owners


def strip(folder: Path) -> None:
    """Delete what differs between machines: notes of the installer, bytecode that came along, and its own lock.

    The scripts in `bin` go too: their first line names an interpreter of this machine.
    """
    for info in folder.glob("*.dist-info"):
        for name in _OF_THE_MACHINE:
            (info / name).unlink(missing_ok=True)
    for compiled in list(folder.rglob("__pycache__")):
        shutil.rmtree(compiled)
    for script in list(folder.glob("bin/*")):
        if script.is_file() and _begins_with_interpreter(script):
            script.unlink()
    (folder / ".lock").unlink(missing_ok=True)


def entries_in(folder: Path) -> tuple[Entry, ...]:
    """Every file below a folder, sorted by name."""
    return tuple(
        Entry(name, path, executable=bool(path.stat().st_mode & stat.S_IXUSR)) for name, path in sorted(_files(folder))
    )


def binaries_by_package(folder: Path, owners: Owners) -> Mapping[str, list[Path]]:
    """The shared objects below a folder, by the name of the distribution they are of."""
    found: dict[str, list[Path]] = defaultdict(list)
    for name, path in _files(folder):
        if name.endswith(".so") and name in owners:
            found[owners[name][0]].append(path)
    return found


def packages_by_size(folder: Path, owners: Owners) -> tuple[Package, ...]:
    """How much of a folder each distribution takes, the heaviest first."""
    sizes: dict[tuple[str, str], int] = defaultdict(int)
    for name, path in _files(folder):
        owner = owners.get(module_of(name))
        if owner is not None:
            sizes[owner] += path.stat().st_size
    packages = [Package(name, version, size) for (name, version), size in sizes.items()]
    return tuple(sorted(packages, key=lambda package: (-package.size, package.name)))


def module_of(name: str) -> str:
    """The module that a file of bytecode is of (PEP 3147); any other file is itself."""
    folder, _, file = name.rpartition("/")
    if not folder.endswith("__pycache__"):
        return name
    return f"{folder.removesuffix('__pycache__')}{file.partition('.')[0]}.py"


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for place, _, files in os.walk(folder):
        for file in files:
            path = Path(place, file)
            yield path.relative_to(folder).as_posix(), path


def _begins_with_interpreter(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(2) == b"#!"
