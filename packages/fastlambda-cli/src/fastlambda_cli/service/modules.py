"""A service's own modules, read and never imported: their text, what their names are bound to, whom they import."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

_LEFT_OUT = frozenset({"__pycache__", "node_modules"})
_LEFT_OUT_AT_THE_TOP = frozenset({"tests", "test", "build", "dist"})

# In the text, since hundreds of modules that declare nothing need not be parsed. What only looks like an import, in a
# docstring, makes one module more be reached, which harms nobody.
_FROM = re.compile(r"^[ \t]*from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|.*)$", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*import[ \t]+(.+)$", re.MULTILINE)
_NAME = re.compile(r"[\w.]+")


@dataclass(frozen=True, slots=True)
class Import:
    """A name that an import binds.

    Attributes:
        module: The module, absolute.
        attribute: What is imported from it; None when the name is the module itself.

    """

    module: str
    attribute: str | None = None


Binding: TypeAlias = Import | ast.expr
"""What a name is bound to at the top level of a module."""


@dataclass(frozen=True)
class Module:
    """A module of the service.

    Attributes:
        name: Dotted, as it is imported.
        path: Where it is.
        place: Its path from the service's folder, for people.
        text: What it says.

    """

    name: str
    path: Path
    place: str
    text: str

    @property
    def package(self) -> str:
        """What its relative imports are relative to."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]

    @cached_property
    def tree(self) -> ast.Module | None:
        """The parsed module; None for one that is not valid Python, of which INIT says what is wrong."""
        try:
            return ast.parse(self.text, filename=self.place)
        except (SyntaxError, ValueError):
            return None

    @cached_property
    def bindings(self) -> Mapping[str, list[Binding]]:
        """What each name is bound to by assignments and imports at the top level, in their order."""
        found: dict[str, list[Binding]] = {}
        for statement in top_level(self.tree.body if self.tree else []):
            for name, binding in _bound(statement, self.package):
                found.setdefault(name, []).append(binding)
        return found

    @cached_property
    def imported(self) -> frozenset[str]:
        """Every module that it may import, wherever it does; what is imported from a package may be a module too."""
        found = set()
        for match in _FROM.finditer(self.text):
            origin = absolute(match[1], self.package)
            found.add(origin)
            found.update(f"{origin}.{name}" for name in _NAME.findall(match[2]))
        for match in _IMPORT.finditer(self.text):
            found.update(_NAME.findall(match[1]))
        return frozenset(found)


class Modules:
    """The modules below a service's folder.

    Args:
        root: The service's folder.

    """

    def __init__(self, root: Path) -> None:
        self._root = root
        # A package that the service installs from its own `src` is imported by its name.
        self._places = [place for place in (root, root / "src") if place.is_dir()]
        self._found: dict[Path, Module] = {}
        self._by_name: dict[str, Module | None] = {}

    def containing(self, marks: re.Pattern[bytes]) -> Iterator[Module]:
        """The modules whose text has one of the marks; tests, environments, builds and hidden folders left out."""
        for path in sorted(_python_files(self._root)):
            try:
                content = path.read_bytes()
            except OSError:
                continue  # making the artifact says what cannot be read
            if marks.search(content):
                yield self._module(path, content)

    def find(self, name: str) -> Module | None:
        """The service's module of this name; None for one that comes from elsewhere."""
        if name not in self._by_name:
            self._by_name[name] = self._read(name)
        return self._by_name[name]

    def reached_from(self, name: str) -> frozenset[str]:
        """The names of the service's modules that importing one imports, itself included."""
        reached: set[str] = set()
        pending = [name]
        while pending:
            wanted = pending.pop()
            module = self.find(wanted) if wanted else None
            if module is None or module.name in reached:
                continue
            reached.add(module.name)
            pending += module.imported
            pending.append(wanted.rpartition(".")[0])
        return frozenset(reached)

    def _read(self, name: str) -> Module | None:
        for place in self._places:
            base = place.joinpath(*name.split("."))
            for path in (base.with_name(f"{base.name}.py"), base / "__init__.py"):
                if path.is_file():
                    return self._module(path, path.read_bytes())
        return None

    def _module(self, path: Path, content: bytes) -> Module:
        if path not in self._found:
            within = next(place for place in reversed(self._places) if path.is_relative_to(place))
            parts = path.relative_to(within).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            place = path.relative_to(self._root).as_posix()
            self._found[path] = Module(name, path, place, content.decode("utf-8", "replace"))
        return self._found[path]


def absolute(name: str, package: str) -> str:
    """The absolute name of a module that may be named relatively."""
    level = len(name) - len(name.lstrip("."))
    if not level:
        return name
    above = package.split(".")[: len(package.split(".")) - level + 1]
    return ".".join([*above, name[level:]]).rstrip(".")


def top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module's own scope, those inside `if`, `try` and `with` included."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With):
            blocks = [statement.body, getattr(statement, "orelse", []), getattr(statement, "finalbody", [])]
            blocks += [handler.body for handler in getattr(statement, "handlers", [])]
            for block in blocks:
                yield from top_level(block)


def _bound(statement: ast.stmt, package: str) -> Iterator[tuple[str, Binding]]:
    match statement:
        case ast.Import(names=aliases):
            for alias in aliases:
                top = alias.name.partition(".")[0]
                yield alias.asname or top, Import(alias.name if alias.asname else top)
        case ast.ImportFrom(module=module, names=aliases, level=level):
            origin = absolute("." * level + (module or ""), package)
            for alias in aliases:
                yield alias.asname or alias.name, Import(origin, alias.name)
        case ast.Assign(targets=targets, value=value):
            yield from ((target.id, value) for target in targets if isinstance(target, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
        case ast.AugAssign(target=ast.Name(id=name), value=value):
            yield name, value


def _python_files(root: Path) -> Iterator[Path]:
    for folder, below, files in os.walk(root):
        at_the_top = folder == str(root)
        below[:] = [
            name
            for name in below
            if not name.startswith(".")
            and name not in _LEFT_OUT
            and not (at_the_top and name in _LEFT_OUT_AT_THE_TOP)
            and not name.endswith(".egg-info")
            and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))  # noqa: PTH110, PTH118 - for every folder
        ]
        yield from (Path(folder, name) for name in files if name.endswith(".py"))
