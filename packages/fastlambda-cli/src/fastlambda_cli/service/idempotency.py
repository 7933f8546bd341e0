"""Whether a service's code has routes that answer a repeated request from a record, read and never run."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from fastlambda_cli.service.modules import Module, Modules
from fastlambda_cli.service.names import Elsewhere, Names
from fastlambda_cli.service.patterns import pattern_spec

_NAME = "IdempotentRoute"
_PATHS = frozenset(f"fastlambda.{module}{_NAME}" for module in ("", "idempotency.", "idempotency.route."))


def has_idempotent_routes(root: Path, handler: str, exclude: tuple[str, ...] = ()) -> bool:
    """Tell whether a module that the handler's imports uses `IdempotentRoute`, as a route class or to derive one.

    Args:
        root: The service's folder.
        handler: `module.attribute`.
        exclude: Patterns of what is not deployed, as in a .gitignore.

    """
    modules = Modules(root)
    found = list(modules.containing(re.compile(_NAME.encode())))
    if exclude:
        patterns = pattern_spec(exclude, "exclude")
        found = [module for module in found if not patterns.match_file(module.place)]
    names = Names(modules)
    using = {module.name for module in found if _uses(module, names)}
    return bool(using) and not using.isdisjoint(modules.reached_from(handler.rpartition(".")[0].replace("/", ".")))


def _uses(module: Module, names: Names) -> bool:
    if module.tree is None:
        return False
    return any(
        isinstance(meaning := names.meaning(node, module), Elsewhere) and meaning.path in _PATHS
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load)
    )
