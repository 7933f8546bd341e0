"""Whether the handler is there, found by reading its module: user code never runs inside the engine."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator
from pathlib import Path

from fastlambda_cli.errors import ConfigurationError

_KEY = "tool.fastlambda.handler"


def check_handler(handler: str, root: Path, file: Path) -> None:
    """Check that the handler's module exists and binds its attribute at the top level.

    A module that Python cannot parse passes: INIT shows its syntax error with its line, as Lambda does.

    Args:
        handler: `module.attribute`; the module may be dotted or, as Lambda has it, use slashes.
        root: The function's task root.
        file: The pyproject.toml, for the error.

    Raises:
        ConfigurationError: The module or the attribute is missing.

    """
    module, _, attribute = handler.rpartition(".")
    source = _find(module, root)
    if source is None:
        path = f"{module.replace('.', '/')}.py"
        raise ConfigurationError(
            f"{file}: {_KEY} is {handler}, but there is no {path}",
            why=f"it is looked for in {root}",
            remedy=f"Add {path}, or name your handler with handler = ... in [tool.fastlambda].",
        )
    try:
        tree = ast.parse(source.read_bytes(), filename=str(source))
    except (SyntaxError, ValueError):
        return
    names = list(dict.fromkeys(_bound(tree.body)))
    if attribute in names or "*" in names or "__getattr__" in names:
        return
    near = difflib.get_close_matches(attribute, names, n=1)
    defines = ", ".join(name for name in names if not name.startswith("_")) or "nothing"
    raise ConfigurationError(
        f"{source.relative_to(root)} has no `{attribute}`; it defines: {defines}",
        why=f"{_KEY} is {handler}",
        remedy=f"Did you mean {module}.{near[0]}?" if near else f"Define {attribute} there, or correct {_KEY}.",
    )


def _find(module: str, root: Path) -> Path | None:
    base = root.joinpath(*module.replace("/", ".").split("."))
    candidates = (base.with_name(f"{base.name}.py"), base / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def _bound(body: list[ast.stmt]) -> Iterator[str]:
    """Yield the names that statements bind in their own scope; `*` stands for a star import."""
    for statement in body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Import(names=aliases):
                yield from (alias.asname or alias.name.partition(".")[0] for alias in aliases)
            case ast.ImportFrom(names=aliases):
                yield from (alias.asname or alias.name for alias in aliases)
            case ast.AnnAssign(value=None):
                pass  # a declaration binds nothing
            case _:
                yield from _assigned(statement)
                for _, value in ast.iter_fields(statement):
                    yield from _bound(_statements(value))


def _assigned(statement: ast.stmt) -> Iterator[str]:
    """Yield the names a statement stores, without those of its nested statements."""
    pending: list[ast.AST] = [
        child for child in ast.iter_child_nodes(statement) if not isinstance(child, (ast.stmt, ast.ExceptHandler))
    ]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        if not isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.stmt)):
            pending.extend(ast.iter_child_nodes(node))


def _statements(value: object) -> list[ast.stmt]:
    """The statements of a compound statement's field: a body, or the bodies of its handlers and cases."""
    if not isinstance(value, list):
        return []
    found: list[ast.stmt] = []
    for item in value:
        if isinstance(item, ast.stmt):
            found.append(item)
        elif isinstance(item, (ast.ExceptHandler, ast.match_case)):
            found.extend(item.body)
    return found
