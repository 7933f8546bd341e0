"""The Python files of a project, parsed and never imported, and the folder that its imports start from."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_NOT_THE_APP = frozenset({"tests", "test", "node_modules", "build", "dist", "__pycache__", "site-packages"})


@dataclass(frozen=True, slots=True)
class Source:
    """A file that Python can parse.

    Attributes:
        path: Relative to the project's folder.
        tree: Its syntax.

    """

    path: Path
    tree: ast.Module

    def module(self, base: Path) -> str:
        """Its dotted name for an import that starts from a folder, relative to the project's."""
        parts = self.path.relative_to(base).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def read_sources(root: Path) -> tuple[Source, ...]:
    """Parse what can be imported from a project: neither tests nor environments, nothing hidden.

    A file that Python cannot parse is passed over: it holds no app that works.
    """
    return tuple(sorted(_sources(root), key=lambda source: source.path))


def _sources(root: Path) -> Iterator[Source]:
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        folders[:] = [name for name in folders if _holds_modules(here / name)]
        for name in files:
            if not name.endswith(".py") or name.startswith("test_") or name == "conftest.py":
                continue
            try:
                tree = ast.parse((here / name).read_bytes(), filename=name)
            except (SyntaxError, ValueError, OSError, RecursionError):
                continue
            yield Source((here / name).relative_to(root), tree)


def _holds_modules(folder: Path) -> bool:
    return folder.name.isidentifier() and folder.name not in _NOT_THE_APP and not (folder / "pyvenv.cfg").exists()


def import_base(source: Source, sources: tuple[Source, ...], root: Path) -> Path:
    """The folder, relative to the project's, that must be on Python's path for a file to be imported.

    It is the one of the folders above the file from which most of the project's own imports are found; of equals
    `src`, or else the outermost.
    """
    tops = {top for each in sources for top in _imported(each.tree)}

    def found_from(base: Path) -> tuple[int, bool, int]:
        folder = root / base
        found = sum((folder / f"{top}.py").is_file() or (folder / top).is_dir() for top in tops)
        is_src = base == Path("src") and not (folder / "__init__.py").exists()
        return found, is_src, -len(base.parts)

    return max(source.path.parents, key=found_from)


def _imported(tree: ast.Module) -> Iterator[str]:
    """The first parts of the names that a module imports absolutely."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]
            case _:
                pass
