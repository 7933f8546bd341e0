"""The events that a service's code declares, read from its modules: user code never runs inside the engine.

    events = EventRouter()                      a router: bound at the top level of a module
    @events.sqs("book-imports", window=5)       a consumer: a function at the top level, with literal arguments
    imports = events.queue("book-imports", Book)   a publisher: at the top level, with a literal name
    handler = FastLambda(app, events=events)    what the handler gets, other routers by `events.include(...)` among it

What cannot be read without running it, or would not be there when it runs, is an error: nothing is left out silently.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.modules import Module, Modules, top_level
from fastlambda_cli.service.names import Elsewhere, Names, NotLiteralError, Value
from fastlambda_cli.service.patterns import pattern_spec

KINDS = {"sqs": "queue", "sns": "topic", "eventbridge": None, "schedule": "expression"}
"""The decorators of an EventRouter, and what the one argument is that needs no keyword."""

PUBLISHERS = {"queue": "sqs", "topic": "sns", "bus": "eventbridge"}
"""The methods of an EventRouter that declare what is published to, and the kind of each."""

OF_THE_RUNTIME = frozenset({"concurrency", "unwrap", "idempotent"})
"""Arguments that the function alone reads, and that need not be literal."""

_ROUTER = b"EventRouter"
_ROUTERS = frozenset(f"fastlambda.{module}EventRouter" for module in ("", "events.", "events.router."))
_DECLARING = re.compile(rb"\.\s*(sqs|sns|eventbridge|schedule|queue|topic|bus|include)\s*\(")

Router = tuple[str, str]
"""A router, by its module and its name there."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """A consumer as its decorator declares it.

    Attributes:
        kind: The decorator: sqs, sns, eventbridge or schedule.
        arguments: Its arguments by name, without those that the function alone reads.
        function: The name of the decorated function.
        module: The module that it is in.
        line: Of the decorator.
        idempotent: Whether each message is to be handled once.

    """

    kind: str
    arguments: Mapping[str, Any]
    function: str
    module: Module
    line: int
    idempotent: bool

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.module.place}:{self.line}"

    @property
    def consumer(self) -> str:
        """Where the function is, as the runtime says it."""
        return f"{self.module.name}:{self.function}"


@dataclass(frozen=True, slots=True)
class Publisher:
    """What is published to, as it is declared.

    Attributes:
        kind: sqs, sns or eventbridge.
        arguments: `name`, and `source` of a bus.
        module: The module that it is in.
        line: Where there.

    """

    kind: str
    arguments: Mapping[str, Any]
    module: Module
    line: int

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.module.place}:{self.line}"


@dataclass(frozen=True, slots=True)
class Declared:
    """What the handler's router declares.

    Attributes:
        consumers: What it consumes.
        publishers: What it publishes to.

    """

    consumers: tuple[Declaration, ...] = ()
    publishers: tuple[Publisher, ...] = ()


def read_declarations(root: Path, handler: str, exclude: tuple[str, ...] = ()) -> Declared:
    """Read what the handler's router declares.

    Args:
        root: The service's folder.
        handler: `module.attribute`.
        exclude: Patterns of what is not deployed, as in a .gitignore.

    Raises:
        ConfigurationError: A declaration cannot be read, or would not be there when the function runs.

    """
    modules = Modules(root)
    with_router = _deployed(modules.containing(re.compile(_ROUTER)), exclude)
    if not with_router:
        return Declared()
    return _Reading(modules, handler, _deployed(modules.containing(_DECLARING), exclude)).declarations()


def _deployed(modules: Iterator[Module], exclude: tuple[str, ...]) -> list[Module]:
    if not exclude:
        return list(modules)
    patterns = pattern_spec(exclude, "exclude")
    return [module for module in modules if not patterns.match_file(module.place)]


class _Reading:
    def __init__(self, modules: Modules, handler: str, declaring: list[Module]) -> None:
        self._modules = modules
        self._names = Names(modules)
        self._declaring = declaring
        module, _, self._attribute = handler.rpartition(".")
        self._handler = module.replace("/", ".")

    def declarations(self) -> Declared:
        consumers = [pair for module in self._declaring for pair in self._of_module(module)]
        publishers = [pair for module in self._declaring for pair in self._publishers(module)]
        for router, consumer in consumers:
            self._check(router, consumer.module, f"{consumer.place} declares {consumer.function}")
        for router, publisher in publishers:
            self._check(router, publisher.module, f"{publisher.place} declares what is published to")
        return Declared(tuple(one for _, one in consumers), tuple(one for _, one in publishers))

    def _check(self, router: Router, module: Module, what: str) -> None:
        """Refuse what would not be there when the function runs."""
        if router not in self._received:
            raise self._nobodys(router, what)
        if module.name not in self._reached:
            raise ConfigurationError(
                f"{what}, and nothing imports {module.name}",
                why=f"importing the handler's module {self._handler} does not import it, so it would not be there",
                remedy=f"Add to {self._handler}: import {module.name}",
            )

    def _nobodys(self, router: Router, what: str) -> ConfigurationError:
        return ConfigurationError(
            f"{what} on the EventRouter {'.'.join(router)}, which the handler does not get",
            why=f"{self._handler} passes it to nobody as events=, and no router that it passes includes it",
            remedy=f"Write {self._attribute} = FastLambda(app, events={router[1]}) in {self._handler}.",
        )

    def _of_module(self, module: Module) -> Iterator[tuple[Router, Declaration]]:
        if module.tree is None:
            return
        decorators: set[ast.expr] = set()
        for statement in top_level(module.tree.body):
            if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for decorator in statement.decorator_list:
                router, kind = self._declares(decorator, module)
                if router is not None and isinstance(decorator, ast.Call):
                    if statement not in module.tree.body:
                        raise _unreadable(module, decorator, "stands under a condition", "Declare it unconditionally.")
                    decorators.add(decorator)
                    arguments = self._arguments(decorator, kind, module)
                    once = _is_idempotent(decorator)
                    yield router, Declaration(kind, arguments, statement.name, module, decorator.lineno, once)
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and node not in decorators:
                router, _ = self._declares(node, module)
                if router is not None:
                    raise _unreadable(
                        module,
                        node,
                        "is not the decorator of a function at the top level of the module",
                        "Write it above such a function, as @...",
                    )

    def _declares(self, node: ast.expr, module: Module) -> tuple[Router | None, str]:
        match node:
            case ast.Call(func=ast.Attribute(value=value, attr=kind)) if kind in KINDS:
                return self._router(value, module), kind
        return None, ""

    def _router(self, expression: ast.expr, module: Module) -> Router | None:
        found = self._names.meaning(expression, module)
        if isinstance(found, Value) and isinstance(found.expression, ast.Call):
            made_by = self._names.meaning(found.expression.func, found.module)
            if isinstance(made_by, Elsewhere) and made_by.path in _ROUTERS:
                return found.module.name, found.name
        return None

    def _arguments(self, call: ast.Call, kind: str, module: Module) -> dict[str, Any]:
        first = KINDS[kind]
        given: dict[str, ast.expr] = {}
        if call.args:
            if first is None or len(call.args) > 1 or isinstance(call.args[0], ast.Starred):
                raise _unreadable(module, call, "has arguments without names", "Name each but the first.")
            given[first] = call.args[0]
        for keyword in call.keywords:
            if keyword.arg is None:
                raise _unreadable(module, call, "takes its arguments from a mapping", "Write each one by its name.")
            given[keyword.arg] = keyword.value
        return {
            name: self._argument(value, f"@...{kind}", module)
            for name, value in given.items()
            if name not in OF_THE_RUNTIME
        }

    def _argument(self, value: ast.expr, kind: str, module: Module) -> Any:
        try:
            return self._names.literal(value, module)
        except NotLiteralError as problem:
            raise _unreadable(
                module,
                value,
                f"has {problem} in the arguments of {kind}, which only running the module would tell",
                "Write the value itself, or the name of a constant that a module of the service assigns once.",
            ) from None

    def _publishers(self, module: Module) -> Iterator[tuple[Router, Publisher]]:
        body = module.tree.body if module.tree else []
        at_the_top = {
            id(node)
            for statement in body
            if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr)
            for node in ast.walk(statement)
        }
        for node in ast.walk(module.tree or ast.Module([], [])):
            match node:
                case ast.Call(func=ast.Attribute(value=value, attr=method)) if method in PUBLISHERS:
                    router = self._router(value, module)
                    if router is None:
                        continue
                    if id(node) not in at_the_top:
                        what = "declares what is published to below the top level of the module"
                        raise _unreadable(module, node, what, "Assign it to a name at the top level, unconditionally.")
                    yield router, Publisher(PUBLISHERS[method], self._named(node, method, module), module, node.lineno)

    def _named(self, call: ast.Call, method: str, module: Module) -> dict[str, Any]:
        given = dict(zip(("name", "message"), call.args, strict=False))
        for keyword in call.keywords:
            if keyword.arg is None:
                raise _unreadable(module, call, "takes its arguments from a mapping", "Write each one by its name.")
            given[keyword.arg] = keyword.value
        return {
            name: self._argument(value, f"{method}(...)", module) for name, value in given.items() if name != "message"
        }

    @cached_property
    def _reached(self) -> frozenset[str]:
        return self._modules.reached_from(self._handler)

    @cached_property
    def _received(self) -> frozenset[Router]:
        """The routers that the handler gets, and those that they include."""
        received = {
            router
            for module in self._handler_modules()
            for node in ast.walk(module.tree or ast.Module([], []))
            if isinstance(node, ast.Call)
            for keyword in node.keywords
            if keyword.arg == "events" and (router := self._router(keyword.value, module)) is not None
        }
        included = {pair for module in self._declaring for pair in self._inclusions(module)}
        while more := {other for router, other in included if router in received} - received:
            received |= more
        return frozenset(received)

    def _handler_modules(self) -> Iterator[Module]:
        module = self._modules.find(self._handler)
        if module is None:
            return
        yield module
        handler = self._names.meaning(ast.Name(self._attribute), module)
        if isinstance(handler, Value) and handler.module is not module:
            yield handler.module

    def _inclusions(self, module: Module) -> Iterator[tuple[Router, Router]]:
        for node in ast.walk(module.tree or ast.Module([], [])):
            match node:
                case ast.Call(func=ast.Attribute(value=value, attr="include"), args=[argument]):
                    one, other = self._router(value, module), self._router(argument, module)
                    if one is not None and other is not None:
                        yield one, other


def _is_idempotent(decorator: ast.expr) -> bool:
    """Tell whether it says how, in whatever way: that alone needs the table."""
    keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
    return any(
        keyword.arg == "idempotent" and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is None)
        for keyword in keywords
    )


def _unreadable(module: Module, node: ast.expr, what: str, remedy: str) -> ConfigurationError:
    return ConfigurationError(
        f"{module.place}:{node.lineno} {what}",
        why="events are read from the code without running it",
        remedy=remedy,
    )
