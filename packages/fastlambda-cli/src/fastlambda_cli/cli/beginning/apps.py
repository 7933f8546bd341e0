"""FastAPI apps found by reading: `app = FastAPI(...)`, and functions that make one."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fastlambda_cli.cli.beginning.sources import Source, import_base, read_sources
from fastlambda_cli.errors import ConfigurationError

_FASTAPI = "FastAPI"
_BUFFERED = frozenset({"StreamingResponse", "EventSourceResponse"})
_WEBSOCKET = frozenset({"websocket", "websocket_route", "add_api_websocket_route", "add_websocket_route"})


@dataclass(frozen=True, slots=True)
class App:
    """An app, or a function that makes one when called without arguments.

    Attributes:
        module: To import it from.
        attribute: Its name there.
        factory: Whether it has to be called.
        base: The folder, relative to the project's, that the import starts from.
        path: The file, relative to the project's folder.
        line: Where in the file.

    """

    module: str
    attribute: str
    factory: bool
    base: Path
    path: Path
    line: int

    def __str__(self) -> str:
        """Say it as `--app` takes it."""
        return f"{self.module}:{self.attribute}"


@dataclass(frozen=True, slots=True)
class Found:
    """What a project's files hold.

    Attributes:
        apps: What could be the service's app: apps that exist at import, or else functions that make one.
        buffered: Where answers are streamed, as file:line; behind an HTTP API they arrive whole, at their end.
        websockets: Where WebSockets are accepted, as file:line; an HTTP API has none.

    """

    sources: tuple[Source, ...]
    apps: tuple[App, ...]
    buffered: tuple[str, ...]
    websockets: tuple[str, ...]


def find_apps(root: Path) -> Found:
    """Read a project's files for its apps; nothing is imported."""
    sources = read_sources(root)
    factories = {
        node.name
        for source in sources
        for node in source.tree.body
        if isinstance(node, ast.FunctionDef) and _makes_app(node, _fastapi_names(source.tree))
    }
    ready = [app for source in sources for app in _apps_in(source, sources, root, factories)]
    makers = [app for source in sources for app in _factories_in(source, sources, root)]
    return Found(
        sources=sources,
        apps=tuple(ready or makers),
        buffered=tuple(_places(sources, _streams)),
        websockets=tuple(_places(sources, _accepts_websockets)),
    )


def named_app(name: str, found: Found, root: Path) -> App:
    """The app that `--app module:attribute` names, also one that only its author can recognise as one.

    Raises:
        ConfigurationError: There is no such module in the project, or it does not have the name.

    """
    module, separator, attribute = name.partition(":")
    if not separator or not attribute.isidentifier():
        raise ConfigurationError(f"{name!r} names no app", remedy="Write it as module:attribute, such as main:app.")
    for source in found.sources:
        base = import_base(source, found.sources, root)
        if module not in {source.module(base), source.module(Path())}:
            continue
        node = _binding(source.tree, attribute)
        if node is None:
            raise ConfigurationError(f"{source.path} has no {attribute}", remedy=_remedy(found.apps))
        base = base if module == source.module(base) else Path()
        factory = isinstance(node, ast.FunctionDef)
        return App(module, attribute, factory, base, source.path, node.lineno)
    raise ConfigurationError(f"There is no module {module} in {root}", remedy=_remedy(found.apps))


def _remedy(apps: Iterable[App]) -> str:
    known = ", ".join(map(str, apps))
    return f"Name one of: {known}." if known else "Name the module as an import does, with dots."


def _apps_in(source: Source, sources: tuple[Source, ...], root: Path, factories: set[str]) -> Iterator[App]:
    made_by = _fastapi_names(source.tree) | factories
    mounted = set(_mounted(source.tree))
    for statement in source.tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=function)):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Call(func=function)):
                pass
            case _:
                continue
        if ast.unparse(function) in made_by and name not in mounted:
            yield _app(source, sources, root, name, statement.lineno, factory=False)


def _factories_in(source: Source, sources: tuple[Source, ...], root: Path) -> Iterator[App]:
    names = _fastapi_names(source.tree)
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef) and _makes_app(node, names) and not _needs_arguments(node.args):
            yield _app(source, sources, root, node.name, node.lineno, factory=True)


def _app(source: Source, sources: tuple[Source, ...], root: Path, name: str, line: int, *, factory: bool) -> App:
    base = import_base(source, sources, root)
    return App(source.module(base), name, factory, base, source.path, line)


def _fastapi_names(tree: ast.Module) -> set[str]:
    """How a module writes the class: FastAPI, fastapi.FastAPI, or by another name it gave it."""
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="fastapi" | "fastapi.applications", names=aliases):
                names |= {alias.asname or alias.name for alias in aliases if alias.name == _FASTAPI}
            case ast.Import(names=aliases):
                names |= {f"{alias.asname or alias.name}.{_FASTAPI}" for alias in aliases if alias.name == "fastapi"}
            case _:
                pass
    return names


def _makes_app(node: ast.FunctionDef, names: set[str]) -> bool:
    """Whether a function says or shows that it returns an app."""
    if node.returns is not None:
        returned = node.returns.value if isinstance(node.returns, ast.Constant) else ast.unparse(node.returns)
        return returned in names
    made = {
        target.id
        for statement in ast.walk(node)
        if isinstance(statement, ast.Assign) and _is_call_of(statement.value, names)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    return any(
        _is_call_of(statement.value, names) or (isinstance(statement.value, ast.Name) and statement.value.id in made)
        for statement in ast.walk(node)
        if isinstance(statement, ast.Return)
    )


def _is_call_of(node: ast.expr | None, names: set[str]) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in names


def _needs_arguments(arguments: ast.arguments) -> bool:
    positional = len(arguments.posonlyargs) + len(arguments.args)
    return positional > len(arguments.defaults) or None in arguments.kw_defaults


def _mounted(tree: ast.Module) -> Iterator[str]:
    """The names of apps that become part of another one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "mount":
            given = [*node.args[1:2], *(keyword.value for keyword in node.keywords if keyword.arg == "app")]
            yield from (value.id for value in given if isinstance(value, ast.Name))


def _binding(tree: ast.Module, name: str) -> ast.stmt | None:
    """The top-level statement that gives a name its value."""
    for statement in tree.body:
        match statement:
            case ast.FunctionDef(name=bound) | ast.ClassDef(name=bound):
                names = {bound}
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names = {alias.asname or alias.name for alias in aliases}
            case _:
                nodes = ast.walk(statement)
                names = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        if name in names:
            return statement
    return None


def _places(sources: Iterable[Source], is_one: Callable[[ast.expr], bool]) -> Iterator[str]:
    for source in sources:
        lines = (node.lineno for node in ast.walk(source.tree) if isinstance(node, ast.expr) and is_one(node))
        if (first := min(lines, default=None)) is not None:
            yield f"{source.path}:{first}"


def _streams(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in _BUFFERED


def _accepts_websockets(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _WEBSOCKET
