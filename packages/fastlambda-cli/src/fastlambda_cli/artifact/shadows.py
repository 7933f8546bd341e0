"""What the service's files and the locked packages mean to each other when they lie in one folder on Lambda."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from fastlambda_cli.artifact.archive import Entry
from fastlambda_cli.errors import ArtifactError


def check_shadows(own: Collection[str], packed: Collection[str]) -> None:
    """Check that every import finds on Lambda what its author meant.

    Both may have modules below one top-level name only if it is a namespace package (PEP 420) in both.

    Args:
        own: The paths of the service's files.
        packed: The paths of the locked packages' files.

    Raises:
        ArtifactError: Names the first file of the service's that is in the way, and what it hides.

    """
    regular = {_top(name) for name in (*own, *packed) if _is_regular(name)}
    by_top = {_top(name): name for name in sorted(packed, reverse=True)}
    for name in sorted(own):
        hidden = name if name in packed else None
        if hidden is None and name.endswith(".py") and _top(name) in regular:
            hidden = by_top.get(_top(name))
        if hidden is not None:
            raise ArtifactError(
                f"The service's {name} hides {hidden} of a locked package",
                why="on Lambda both lie in one folder, and an import finds one of them",
                remedy="Rename the service's, or leave it out with package.exclude.",
            )


def check_imports(own: Iterable[Entry], left_out: Collection[str]) -> None:
    """Check that the service names no tests of a package that are not packed.

    Args:
        own: The service's files.
        left_out: The modules, such as `pandas.tests`.

    Raises:
        ArtifactError: Names the first file that does, and what it names.

    """
    if not left_out:
        return
    for entry in own:
        content = entry.read() if entry.name.endswith(".py") else b""
        named = next((module for module in left_out if module.encode() in content), None)
        if named is not None:
            raise ArtifactError(
                f"The service's {entry.name} names {named}, which would not be in the artifact",
                why="tests of packages are left out",
                remedy="Set package.strip = false in [tool.fastlambda], which packs them.",
            )


def _top(name: str) -> str:
    """The top-level name that a file is imported by: `books` for books.py, books/shelf.py and books.abi3.so."""
    return name.partition("/")[0].partition(".")[0]


def _is_regular(name: str) -> bool:
    """Whether a file makes its top-level name a module or a regular package, which is in one place."""
    folder, _, file = name.rpartition("/")
    return file == "__init__.py" if folder == _top(name) else not folder and file.endswith((".py", ".so"))
