"""Everything that can be invoked here: functions that run from a folder first, then those that are deployed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from fastlambda_cli.local.aws.account import AccountConcurrency
from fastlambda_cli.local.aws.function_names import FunctionReference
from fastlambda_cli.local.model import LATEST, Invocation, Invoke, InvokeResult
from fastlambda_cli.local.telemetry.lambda_metrics import LambdaMetrics


class Deployed(Protocol):
    """The functions that the emulator knows."""

    async def check(self, reference: FunctionReference) -> None:
        """Raise InvokeError when there is no such function, version or alias."""

    async def prepare(self, reference: FunctionReference) -> None:
        """Start what is to be there before an event; raises InvokeError."""

    async def invoke(self, reference: FunctionReference, invocation: Invocation) -> InvokeResult:
        """Run one event; raises InvokeError and ThrottledError."""


@dataclass(frozen=True, slots=True)
class _Registered:
    """A function that runs from a folder.

    Attributes:
        aliases: The qualifiers, besides none and $LATEST, that reach it.
        reserved: Tells whether it has reserved concurrency.

    """

    invoke: Invoke
    aliases: frozenset[str]
    reserved: Callable[[], bool]


class Functions:
    """Finds who runs an invocation.

    Args:
        deployed: Runs what no folder takes the place of.
        metrics: Measures every invocation.
        account: Limits those that run from folders; the others are admitted where what is reserved for them is known.

    """

    def __init__(self, deployed: Deployed, metrics: LambdaMetrics, account: AccountConcurrency) -> None:
        self._deployed = deployed
        self._metrics = metrics
        self._account = account
        self._registered: dict[str, _Registered] = {}

    def register(
        self,
        function_name: str,
        invoke: Invoke,
        aliases: Collection[str] = (),
        reserved: Callable[[], bool] = lambda: False,
    ) -> None:
        """Have `invoke` answer for this function, unqualified, as $LATEST and under its aliases, from now on.

        Its published versions stay those that are deployed.
        """
        self._registered[function_name] = _Registered(invoke, frozenset(aliases), reserved)

    def unregister(self, function_name: str) -> None:
        """Have the function answered as it is deployed, if it is."""
        del self._registered[function_name]

    def from_folder(self, reference: FunctionReference) -> Invoke | None:
        """Return what runs an invocation from a folder, if one does."""
        registered = self._registered.get(reference.name) if reference.is_here else None
        if registered is None:
            return None
        if reference.qualifier not in {None, LATEST, *registered.aliases}:
            return None
        return registered.invoke if registered.reserved() else functools.partial(self._unreserved, registered.invoke)

    async def prepare(self, reference: FunctionReference) -> None:
        """Start what is to be there before an event: the environments that are provisioned.

        Raises:
            InvokeError: There is no such function, version or alias, or its code cannot be run.
            EmulatorError: The emulator does not answer.

        """
        if self.from_folder(reference) is None:
            await self._deployed.prepare(reference)

    async def _unreserved(self, invoke: Invoke, invocation: Invocation) -> InvokeResult:
        await self._account.enter()
        try:
            return await invoke(invocation)
        finally:
            self._account.leave()

    async def check(self, reference: FunctionReference) -> None:
        """Check that there is such a function, version or alias, without running anything.

        Raises:
            InvokeError: There is none.
            EmulatorError: The emulator does not answer.

        """
        if self.from_folder(reference) is None:
            await self._deployed.check(reference)

    async def invoke(self, reference: FunctionReference, invocation: Invocation) -> InvokeResult:
        """Run one event.

        Raises:
            InvokeError: There is no such function, version or alias, or its code cannot be run.
            ThrottledError: As many events as the function may have are running.
            EmulatorError: The emulator does not answer.

        """
        with self._metrics.invocation(reference.name, reference.qualifier) as measured:
            invoke = self.from_folder(reference)
            if invoke is not None:
                measured.result = await invoke(invocation)
            else:
                measured.result = await self._deployed.invoke(reference, invocation)
            return measured.result
