"""The functions of a service that run from its folder, each in execution environments of its own."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterable

from fastlambda_cli.local.aws import LocalAws
from fastlambda_cli.local.function import FunctionSpec, LambdaFunction

_LIVE = ("live",)
"""The alias behind which a stack has its functions: here the folder's code takes its place."""


class FolderFunctions:
    """Keeps the functions of a service as they are described, and has the local AWS find them.

    Args:
        aws: The local AWS.
        make: Makes a function of a specification and of how many events it may run at once.

    """

    def __init__(self, aws: LocalAws, make: Callable[[FunctionSpec, int], LambdaFunction]) -> None:
        self._aws = aws
        self._make = make
        self._functions: dict[str, LambdaFunction] = {}
        self._forgotten: set[LambdaFunction] = set()

    def describe(self, specs: Iterable[FunctionSpec], concurrency: int) -> None:
        """Have later events meet these versions; events that are running finish on those before.

        Args:
            specs: Of every function, first that of the one that answers HTTP. It is started ahead of its first event;
                the others, which nobody waits for at a terminal, begin with theirs.
            concurrency: How many events each may run at once.

        """
        first, *others = specs
        for spec in (first, *others):
            self._describe(spec, concurrency, warm=spec is first)
        wanted = {spec.name for spec in (first, *others)}
        for name in self._functions.keys() - wanted:
            # What leads to it is there until the stack has changed, and what it brings is not to be lost meanwhile.
            self._describe(dataclasses.replace(first, name=name), concurrency, warm=False)

    def restart(self) -> None:
        """Have later events meet the code as it is in the folder now."""
        for number, function in enumerate(self._functions.values()):
            function.replace(dataclasses.replace(function.spec), warm=number == 0)

    def forget(self) -> None:
        """Have the local AWS find none of them any more; those that are described from now on have other names."""
        for name, function in self._functions.items():
            self._aws.unregister(name)
            function.retire()
        self._forgotten.update(self._functions.values())
        self._functions.clear()

    async def close(self) -> None:
        """End every environment."""
        everyone = {*self._functions.values(), *self._forgotten}
        await asyncio.gather(*(function.close() for function in everyone))

    def _describe(self, spec: FunctionSpec, concurrency: int, *, warm: bool) -> None:
        function = self._functions.get(spec.name)
        if function is not None:
            function.replace(spec, concurrency, warm=warm)
            return
        function = self._functions[spec.name] = self._make(spec, concurrency)
        made = function  # whose version may become another one
        self._aws.register(spec.name, made.invoke, _LIVE, lambda: made.spec.reserved is not None, made.begin)
        if warm:
            function.warm()
