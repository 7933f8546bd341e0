"""Everything that can be invoked here: functions that run from a folder first, then those that are deployed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from fastlambda_cli.local.aws.function_names import FunctionReference
from fastlambda_cli.local.model import LATEST, Invocation, Invoke, InvokeResult
from fastlambda_cli.local.telemetry.lambda_metrics import LambdaMetrics


class Deployed(Protocol):
    """The functions that the emulator knows."""

    async def check(self, reference: FunctionReference) -> None:
        """Raise InvokeError when there is no such function, version or alias."""

    async def invoke(self, reference: FunctionReference, invocation: Invocation) -> InvokeResult:
        """Run one event; raises InvokeError and ThrottledError."""


@dataclass(frozen=True, slots=True)
class _Registered:
    """A function that runs from a folder.

    Attributes:
        aliases: The qualifiers, besides none and $LATEST, that reach it.

    """

    invoke: Invoke
    aliases: frozenset[str]


class Functions:
    """Finds who runs an invocation.

    Args:
        deployed: Runs what no folder takes the place of.
        metrics: Measures every invocation.

    """

    def __init__(self, deployed: Deployed, metrics: LambdaMetrics) -> None:
        self._deployed = deployed
        self._metrics = metrics
        self._registered: dict[str, _Registered] = {}

    def register(self, function_name: str, invoke: Invoke, aliases: Collection[str] = ()) -> None:
        """Have `invoke` answer for this function, unqualified, as $LATEST and under its aliases, from now on.

        Its published versions stay those that are deployed.
        """
        self._registered[function_name] = _Registered(invoke, frozenset(aliases))

    def unregister(self, function_name: str) -> None:
        """Have the function answered as it is deployed, if it is."""
        del self._registered[function_name]

    def from_folder(self, reference: FunctionReference) -> Invoke | None:
        """Return what runs an invocation from a folder, if one does."""
        registered = self._registered.get(reference.name) if reference.is_here else None
        if registered is None:
            return None
        return registered.invoke if reference.qualifier in {None, LATEST, *registered.aliases} else None

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
