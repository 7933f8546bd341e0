"""What a name in a service's module stands for, followed through assignments and imports, and never by running them."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any, TypeAlias

from fastlambda_cli.service.modules import Import, Module, Modules


@dataclass(frozen=True, slots=True)
class Value:
    """An expression that a name of a module of the service is bound to.

    Attributes:
        module: The module.
        name: The name there.
        expression: What it is bound to.

    """

    module: Module
    name: str
    expression: ast.expr


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Something of a module that is not the service's own.

    Attributes:
        path: The module, and what of it, dotted.

    """

    path: str


Meaning: TypeAlias = Value | Module | Elsewhere


class NotLiteralError(ValueError):
    """A value that only running the module would tell; it says which."""


class Names:
    """Follows names through a service's modules.

    Args:
        modules: The modules.

    """

    def __init__(self, modules: Modules) -> None:
        self._modules = modules

    def meaning(self, expression: ast.expr, module: Module) -> Meaning | None:
        """What a name, or an attribute of one, stands for; None for what cannot be followed."""
        return self._meaning(expression, module, frozenset())

    def literal(self, expression: ast.expr, module: Module) -> Any:
        """The value of an expression that is made of literals, and of names that are bound to such once.

        Raises:
            NotLiteralError: It has to be worked out.

        """
        match expression:
            case ast.Constant(value=value):
                return value
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return [self.literal(element, module) for element in elements]
            case ast.Dict(keys=keys, values=values) if None not in keys:
                pairs = zip(keys, values, strict=True)
                return {self.literal(key, module): self.literal(value, module) for key, value in pairs if key}
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                return -value
            case ast.Name() | ast.Attribute():
                found = self.meaning(expression, module)
                if isinstance(found, Value) and len(found.module.bindings[found.name]) == 1:
                    return self.literal(found.expression, found.module)
        raise NotLiteralError(ast.unparse(expression))

    def _meaning(self, expression: ast.expr, module: Module, seen: frozenset[tuple[str, str]]) -> Meaning | None:
        match expression:
            case ast.Name(id=name):
                return self._named(name, module, seen)
            case ast.Attribute(value=value, attr=attribute):
                origin = self._meaning(value, module, seen)
                if isinstance(origin, Elsewhere):
                    return Elsewhere(f"{origin.path}.{attribute}")
                return self._of(origin, attribute, seen) if isinstance(origin, Module) else None
        return None

    def _named(self, name: str, module: Module, seen: frozenset[tuple[str, str]]) -> Meaning | None:
        bindings = module.bindings.get(name)
        if not bindings or (module.name, name) in seen:
            return None
        seen |= {(module.name, name)}
        binding = bindings[-1]
        if isinstance(binding, Import):
            return self._imported(binding, seen)
        if isinstance(binding, ast.Name | ast.Attribute):
            return self._meaning(binding, module, seen)
        return Value(module, name, binding)

    def _imported(self, binding: Import, seen: frozenset[tuple[str, str]]) -> Meaning | None:
        module = self._modules.find(binding.module)
        if binding.attribute is None:
            return module or Elsewhere(binding.module)
        if module is not None:
            return self._of(module, binding.attribute, seen)
        # A folder without __init__.py is a package too.
        return self._modules.find(f"{binding.module}.{binding.attribute}") or Elsewhere(
            f"{binding.module}.{binding.attribute}"
        )

    def _of(self, module: Module, attribute: str, seen: frozenset[tuple[str, str]]) -> Meaning | None:
        return self._named(attribute, module, seen) or self._modules.find(f"{module.name}.{attribute}")
