"""Writes the bundle of a folder's modules; runs in the function's Python, which may be another than the builder's.

    python -I -S bundle.py FOLDER FILE [--generated]

It prints the files of bytecode that are in the bundle. With --generated there are none: the modules stay in their
files, and what `dataclasses` would generate is all that it holds.

What is read: every module's bytecode as `compileall` left it, and its source for the dataclasses in it. Nothing is
imported: `dataclasses` is shown stand-ins that have the same fields, and what it would have compiled for them is
compiled. A text that differs from the one at run time is never asked for, and so does no harm.

The layout is that of `fastlambda.startup.bundle`.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import marshal
import struct
import sys
from collections.abc import Iterable, Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from types import CodeType
from typing import Any

HEADER = struct.Struct("<4sIQQ")
FORMAT = 1
# Without back references, which depend on what else the process holds.
_MARSHAL = 2
_FLAGS = frozenset({"init", "repr", "eq", "order", "unsafe_hash", "frozen", "match_args", "kw_only"})
_FIELD_FLAGS = frozenset({"init", "repr", "hash", "compare", "kw_only"})


@dataclasses.dataclass
class Module:
    """A module: its name, whether it is a package, and where its bytecode and its source are."""

    name: str
    is_package: bool
    compiled: Path
    source: Path


def modules_in(folder: Path) -> Iterator[Module]:
    """The modules below a folder that have bytecode and that an import would find."""
    for source in sorted(folder.rglob("*.py")):
        *parents, last = source.relative_to(folder).with_suffix("").parts
        is_package = last == "__init__"
        if is_package and not parents:
            continue
        name = ".".join(parents if is_package else (*parents, last))
        compiled = Path(cache_from_source(str(source)))
        if not all(part.isidentifier() for part in name.split(".")) or not compiled.exists():
            continue
        # Python prefers both to a source file.
        beside = source.parent if is_package else source.with_suffix("")
        if not is_package and (beside / "__init__.py").exists():
            continue
        if any(place.is_file() for place in _extensions(source.with_suffix(""))):
            continue
        if is_package and any(place.is_file() for place in _extensions(source.parent / "__init__")):
            continue
        yield Module(name, is_package, compiled, source)


def _extensions(stem: Path) -> Iterator[Path]:
    # Of any processor: the builder's may be another one than the function's.
    yield from (place for place in stem.parent.glob(f"{stem.name}.*") if place.suffix in {".so", ".pyd"})
    yield from (stem.with_name(stem.name + suffix) for suffix in EXTENSION_SUFFIXES)


class Dataclasses:
    """Stand-ins for the dataclasses of modules, and the texts that `dataclasses` makes for each module.

    Args:
        modules: All that may have some.

    """

    def __init__(self, modules: Iterable[Module]) -> None:
        self._modules = {module.name: module for module in modules}
        self._classes: dict[tuple[str, str], type] = {}
        self._generated: dict[str, dict[str, CodeType]] = {}
        self._at = ""
        vars(dataclasses)["exec"] = self._exec

    def _exec(self, source: str, names: dict[str, Any], into: dict[str, Any]) -> None:
        code = compile(source, "<string>", "exec", dont_inherit=True)
        self._generated[self._at][source] = code
        exec(code, names, into)  # noqa: S102 - as `dataclasses` does

    def generated(self, name: str) -> dict[str, CodeType]:
        """What `dataclasses` would compile for a module's classes, by its text."""
        self._read(name)
        return self._generated[name]

    def _read(self, name: str) -> None:
        if name in self._generated or name not in self._modules:
            return
        self._generated[name] = {}
        module = self._modules[name]
        source = module.source.read_bytes()
        if b"dataclass" not in source:
            return
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError):
            return
        statements = list(_statements(tree.body))
        imported = dict(_imports(statements, module))
        for statement in statements:
            if isinstance(statement, ast.ClassDef):
                self._stand_in(statement, name, imported)

    def _found(self, name: str, module: str, imported: dict[str, tuple[str, str]]) -> type | None:
        """The stand-in that a name means in a module."""
        own = self._classes.get((module, name))
        if own is not None or name not in imported:
            return own
        self._read(imported[name][0])
        return self._classes.get(imported[name])

    def _stand_in(self, node: ast.ClassDef, module: str, imported: dict[str, tuple[str, str]]) -> None:
        flags = next((flags for each in node.decorator_list if (flags := _flags(each)) is not None), None)
        bases = []
        for base in node.bases:
            name = base.value if isinstance(base, ast.Subscript) else base
            if isinstance(name, ast.Name):
                found = self._found(name.id, module, imported)
                if found is not None and found not in bases:
                    bases.append(found)
        names: dict[str, Any] = {"__annotations__": {}, "__module__": module}
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                names[statement.name] = _method
            elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                _add_field(names, statement)
            elif isinstance(statement, ast.Assign):
                names.update({target.id: None for target in statement.targets if isinstance(target, ast.Name)})
        names.pop("__slots__", None)
        names.pop("__class_getitem__", None)
        names.pop("__init_subclass__", None)
        self._at = module
        # Whatever a stand-in cannot be, the class itself will be at run time, without our help.
        with contextlib.suppress(Exception):
            made = type(node.name, tuple(bases), names)
            self._classes[module, node.name] = made if flags is None else dataclasses.dataclass(**flags)(made)


def _method(*_: Any) -> None:
    """In the place of a class's own method."""


class _Default:
    """In the place of a field's own default."""


def _flags(decorator: ast.expr) -> dict[str, bool] | None:
    """The flags of a decorator that is `dataclass`; None for any other."""
    call = decorator if isinstance(decorator, ast.Call) else None
    name = call.func if call is not None else decorator
    last = name.attr if isinstance(name, ast.Attribute) else name.id if isinstance(name, ast.Name) else ""
    if last != "dataclass":
        return None
    return _constants(call, _FLAGS) if call is not None else {}


def _constants(call: ast.Call, known: frozenset[str]) -> dict[str, bool]:
    return {
        keyword.arg: keyword.value.value
        for keyword in call.keywords
        if keyword.arg in known and isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, bool)
    }


def _add_field(names: dict[str, Any], statement: ast.AnnAssign) -> None:
    assert isinstance(statement.target, ast.Name)  # noqa: S101 - looked at by the caller
    name, value = statement.target.id, statement.value
    names["__annotations__"][name] = _kind(statement.annotation)
    if isinstance(value, ast.Call) and _last_name(value.func) in {"field", "dataclass_field"}:
        options: dict[str, Any] = _constants(value, _FIELD_FLAGS)
        given = {keyword.arg for keyword in value.keywords}
        if "default_factory" in given:
            options["default_factory"] = _Default
        elif "default" in given:
            options["default"] = _Default()
        names[name] = dataclasses.field(**options)
    elif value is not None:
        names[name] = _Default()


def _kind(annotation: ast.expr) -> Any:
    """An annotation that means to `dataclasses` what the one in the source does."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        text = annotation.value
    else:
        text = _last_name(annotation.value if isinstance(annotation, ast.Subscript) else annotation)
    if text.rpartition(".")[2].partition("[")[0] == "ClassVar":
        return _class_var()
    if text.startswith(("InitVar", "dataclasses.InitVar")):
        return dataclasses.InitVar[int]
    return dataclasses.KW_ONLY if text in {"KW_ONLY", "dataclasses.KW_ONLY"} else int


def _class_var() -> Any:
    from typing import ClassVar  # noqa: PLC0415

    return ClassVar[int]


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """All statements, those in others too, in the order of their lines."""
    for statement in body:
        yield statement
        for inner in ("body", "handlers", "orelse", "finalbody"):
            for each in getattr(statement, inner, ()):
                yield from _statements(each.body if isinstance(each, ast.ExceptHandler) else [each])


def _imports(statements: Iterable[ast.stmt], module: Module) -> Iterator[tuple[str, tuple[str, str]]]:
    """The names that a module imports from others: each with the module and the name there."""
    package = module.name if module.is_package else module.name.rpartition(".")[0]
    for node in statements:
        if isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((each.asname or each.name, (source, each.name)) for each in node.names)


def main(folder: Path, file: Path, *, modules_stay: bool) -> None:
    """Write the bundle."""
    found = list(modules_in(folder))
    all_dataclasses = Dataclasses(found)
    modules: dict[str, tuple[bool, tuple[int, int]]] = {}
    generated: dict[str, tuple[int, int]] = {}
    content: list[bytes] = []
    at = 0

    def place_of(data: bytes) -> tuple[int, int]:
        nonlocal at
        content.append(data)
        at += len(data)
        return at - len(data), len(data)

    for module in found:
        if not modules_stay:
            modules[module.name] = module.is_package, place_of(module.compiled.read_bytes())
        if texts := all_dataclasses.generated(module.name):
            generated[module.name] = place_of(marshal.dumps(texts, _MARSHAL))
    # A place is where something begins in the file, so the index has to know how long it is itself.
    index, length = b"", -1
    while len(index) != length:
        length = len(index)
        begin = HEADER.size + length
        index = marshal.dumps(
            (
                {name: (is_package, (begin + at, size)) for name, (is_package, (at, size)) in modules.items()},
                {name: (begin + at, size) for name, (at, size) in generated.items()},
            ),
            _MARSHAL,
        )
    whole = HEADER.size + len(index) + sum(map(len, content))
    file.write_bytes(b"".join([HEADER.pack(MAGIC_NUMBER, FORMAT, whole, len(index)), index, *content]))
    if not modules_stay:
        sys.stdout.write("\n".join(module.compiled.relative_to(folder).as_posix() for module in found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), modules_stay="--generated" in sys.argv[3:])
