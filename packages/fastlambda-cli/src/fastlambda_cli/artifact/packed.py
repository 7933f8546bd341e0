"""The locked packages, packed: into a zip or into a layer, with what is known of them beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fastlambda_cli.artifact.archive import Entry
from fastlambda_cli.artifact.model import LeftOut, Package

_CONTENTS = "contents.json"


@dataclass(frozen=True, slots=True)
class Packing:
    """What packages are packed into.

    Attributes:
        name: Another one for every change of what is written for the same files.
        write: Writes files into a folder.
        is_sound: Whether what was written into a folder is still as it was.
        for_lambda: Whether it runs in Lambda's own runtime and nowhere else.

    """

    name: str
    write: Callable[[Path, Sequence[Entry]], None]
    is_sound: Callable[[Path], bool]
    for_lambda: bool


@dataclass(frozen=True, slots=True)
class Packed:
    """The packed packages in a folder of the cache.

    Attributes:
        folder: Holds what the packing wrote.
        names: The paths of the files.
        unpacked: Bytes of all of them.
        packages: The distributions, the heaviest first.
        left_out: What of the lock is not there.
        reused: Whether it was in the cache already.

    """

    folder: Path
    names: frozenset[str]
    unpacked: int
    packages: tuple[Package, ...]
    left_out: LeftOut
    reused: bool = field(default=True, compare=False)


def write_contents(
    folder: Path, entries: Sequence[Entry], sizes: Sequence[int], packages: Sequence[Package], left_out: LeftOut
) -> None:
    """Write what is known of packed files into their folder, for `read_packed`.

    Raises:
        OSError: It cannot be written.

    """
    document = {
        "names": [entry.name for entry in entries],
        "unpacked": sum(sizes),
        "packages": [asdict(package) for package in packages],
        "left_out": asdict(left_out),
    }
    (folder / _CONTENTS).write_text(json.dumps(document), encoding="utf-8")


def read_packed(folder: Path) -> Packed:
    """Read what `write_contents` left in a folder; what is packed there is not looked at.

    Raises:
        OSError: The folder cannot be read.
        ValueError: What is there is damaged.

    """
    document: Any = json.loads((folder / _CONTENTS).read_text(encoding="utf-8"))
    try:
        left_out = document["left_out"]
        return Packed(
            folder=folder,
            names=frozenset(document["names"]),
            unpacked=document["unpacked"],
            packages=tuple(Package(**package) for package in document["packages"]),
            left_out=LeftOut(
                provided=tuple(Package(**package) for package in left_out["provided"]),
                sdk_stays=left_out["sdk_stays"],
                slimmed=left_out["slimmed"],
                tests=tuple(left_out["tests"]),
            ),
        )
    except (KeyError, TypeError) as problem:
        raise ValueError(f"{folder / _CONTENTS} says nothing of packed packages") from problem


def is_sound(folder: Path, packing: Packing) -> bool:
    """Whether a folder holds packed packages as they were written there."""
    try:
        read_packed(folder)
    except (OSError, ValueError):
        return False
    return packing.is_sound(folder)
