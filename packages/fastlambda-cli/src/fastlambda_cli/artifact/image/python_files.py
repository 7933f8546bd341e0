"""The files of an image that its Python imports, as the layers together have them."""

from __future__ import annotations

import re
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from fastlambda_cli.artifact.archive import Entry
from fastlambda_cli.artifact.bytecode import TASK_ROOT
from fastlambda_cli.artifact.image.model import Image, Layer

_TASK_ROOT = TASK_ROOT.removeprefix("/")
_INTERPRETER = re.compile(r"(?:^|/)bin/python(3\.\d+)$")
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
"""What a layer deletes of those below it (OCI image specification, "Whiteouts")."""


class UnusableFileError(Exception):
    """An image has something that cannot be taken out of it; the text says what."""


@dataclass(frozen=True, slots=True)
class PythonFiles:
    """What was found.

    Attributes:
        interpreters: The versions of Python that the image has, such as 3.13.
        entries: The files of the task root, and those of site-packages, which stand below them on Lambda's path, as if
            they were there too; sorted by name.

    """

    interpreters: frozenset[str]
    entries: tuple[Entry, ...]


def python_files(image: Image, version: str, folder: Path) -> PythonFiles:
    """Take the files out of an image.

    Args:
        image: All of whose layers are on this machine.
        version: Of Python, such as 3.13: whose site-packages.
        folder: An empty folder for what the files hold.

    Raises:
        UnusableFileError: One of them is no file, or leads outside.
        OSError: A layer cannot be read, or a file not be written.

    """
    packages = re.compile(rf"(?:usr|usr/local|var/lang)/lib/python{re.escape(version)}/site-packages/(.+)")
    places = (re.compile(rf"{_TASK_ROOT}/(.+)"), packages)
    found: dict[str, tuple[int, Entry]] = {}
    interpreters: set[str] = set()
    above = _Above()
    for layer in reversed(image.layers):
        own = _Above()
        for path, member, tar in _members(layer):
            if path.name.startswith(_WHITEOUT):
                own.delete(path)
                continue
            own.cover(path, folder=member.isdir())
            interpreters.update(_INTERPRETER.findall(str(path)))
            if member.isdir():
                continue
            for rank, place in enumerate(places):
                target = place.fullmatch(str(path))
                if target is None or above.hides(path) or found.get(target[1], (rank + 1,))[0] < rank:
                    continue
                content = _copied(tar, member, folder / f"{len(found)}-{rank}")
                found[target[1]] = rank, Entry(target[1], content, executable=bool(member.mode & 0o100))
        above = above.below(own)
    return PythonFiles(frozenset(interpreters), tuple(entry for _, (_, entry) in sorted(found.items())))


@dataclass(frozen=True, slots=True)
class _Above:
    """What layers have to say about those below them."""

    there: set[PurePosixPath] = field(default_factory=set)
    covered: set[PurePosixPath] = field(default_factory=set)

    def cover(self, path: PurePosixPath, *, folder: bool) -> None:
        self.there.add(path)
        if not folder:
            self.covered.add(path)

    def delete(self, whiteout: PurePosixPath) -> None:
        opaque = whiteout.name == _OPAQUE
        self.covered.add(whiteout.parent if opaque else whiteout.with_name(whiteout.name.removeprefix(_WHITEOUT)))

    def hides(self, path: PurePosixPath) -> bool:
        return path in self.there or not self.covered.isdisjoint((path, *path.parents))

    def below(self, layer: _Above) -> _Above:
        return _Above(self.there | layer.there, self.covered | layer.covered)


def _members(layer: Layer) -> Iterator[tuple[PurePosixPath, tarfile.TarInfo, tarfile.TarFile]]:
    with tarfile.open(layer.path, "r:gz") as tar:
        for member in tar:
            path = PurePosixPath("/", member.name)
            if ".." in path.parts:
                raise UnusableFileError(f"{member.name} leads outside")
            yield path.relative_to("/"), member, tar


def _copied(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> Path:
    """Copy what a file holds, or the file of the same layer that a link leads to."""
    try:
        source = tar.extractfile(member)
    except KeyError as problem:
        raise UnusableFileError(f"{member.name} is a link out of its layer, to {member.linkname}") from problem
    if source is None:
        raise UnusableFileError(f"{member.name} is neither a file nor a folder")
    with source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy)
    return target
