"""Everything that can be invoked here: functions that run from a folder first, then those that are deployed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from fastlambda_cli.local.aws.account import AccountConcurrency
from fastlambda_cli.local.aws.function_names import FunctionReference
from fastlambda_cli.local.function.running import Caller
from fastlambda_cli.local.model import LATEST, Invocation, Invoke, InvokeResult
from fastlambda_cli.local.telemetry.lambda_metrics import LambdaMetrics

Begin: TypeAlias = Callable[[Invocation, Caller], bool]
"""Runs one event without a task, if that can be, and says whether it does; its caller is told the outcome."""


class Deployed(Protocol):
    """The functions that the emulator knows."""

    async def check(self, reference: FunctionReference) -> None:
        """Raise InvokeError when there is no such function, version or alias."""

    async def prepare(self, reference: FunctionReference) -> None:
        """Start what is to be there before an event; raises InvokeError."""

    async def invoke(self, reference: FunctionReference, invocation: Invocation) -> InvokeResult:
        """Run one event; raises InvokeError and ThrottledError."""

    def begin(self, reference: FunctionReference, invocation: Invocation, caller: Caller) -> bool:
        """Run one event without a task, if that can be; whether it runs."""


@dataclass(frozen=True, slots=True)
class _Registered:
    """A function that runs from a folder.

    Attributes:
        begin: Runs what needs no task; None for a function that always does.
        aliases: The qualifiers, besides none and $LATEST, that reach it.
        reserved: Tells whether it has reserved concurrency.

    """

    invoke: Invoke
    aliases: frozenset[str]
    reserved: Callable[[], bool]
    begin: Begin | None


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
        self._logging: dict[Callable[[], None], None] = {}

    def register(
        self,
        function_name: str,
        invoke: Invoke,
        aliases: Collection[str] = (),
        reserved: Callable[[], bool] = lambda: False,
        begin: Begin | None = None,
    ) -> None:
        """Have `invoke` answer for this function, unqualified, as $LATEST and under its aliases, from now on.

        Its published versions stay those that are deployed.
        """
        self._registered[function_name] = _Registered(invoke, frozenset(aliases), reserved, begin)

    def unregister(self, function_name: str) -> None:
        """Have the function answered as it is deployed, if it is."""
        del self._registered[function_name]

    def from_folder(self, reference: FunctionReference) -> Invoke | None:
        """Return what runs an invocation from a folder, if one does."""
        registered = self._folder_of(reference)
        if registered is None:
            return None
        return registered.invoke if registered.reserved() else functools.partial(self._unreserved, registered.invoke)

    def _folder_of(self, reference: FunctionReference) -> _Registered | None:
        registered = self._registered.get(reference.name) if reference.is_here else None
        if registered is None or reference.qualifier in {None, LATEST}:
            return registered
        return registered if reference.qualifier in registered.aliases else None

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

    def begin(self, reference: FunctionReference, invocation: Invocation, told: Callable[[InvokeResult], None]) -> bool:
        """Run one event without a task, where an environment takes it at once.

        Args:
            reference: The function.
            invocation: The event.
            told: Is called with its outcome, before that is logged and counted.

        Returns:
            Whether it runs; else nothing was done, and `invoke` decides about it.

        """
        registered = self._folder_of(reference)
        if registered is None:
            caller = _Counted(told, None, self._metrics, reference, self._logging)
            return caller.runs(self._deployed.begin(reference, invocation, caller))
        if registered.begin is None:
            return False
        account = None if registered.reserved() else self._account
        if account is not None and not account.admit():
            return False
        caller = _Counted(told, account, self._metrics, reference, self._logging)
        return caller.runs(registered.begin(invocation, caller))

    def write_up(self) -> None:
        """Log what has been answered, for somebody who may look at it."""
        for write_up in list(self._logging):
            write_up()


class _Counted:
    """The caller of an event that nobody awaits, and those who count it."""

    __slots__ = ("_account", "_logging", "_measured", "_metrics", "_write_up", "told")

    def __init__(
        self,
        told: Callable[[InvokeResult], None],
        account: AccountConcurrency | None,
        metrics: LambdaMetrics,
        reference: FunctionReference,
        logging: dict[Callable[[], None], None],
    ) -> None:
        self.told = told
        self._account = account
        self._logging = logging
        self._metrics = metrics
        self._measured = metrics.begin(reference.name, reference.qualifier)

    def over(self, write_up: Callable[[], None]) -> None:
        self._leave()
        self._write_up = write_up
        self._logging[write_up] = None

    def logged(self, result: InvokeResult) -> None:
        del self._logging[self._write_up]
        self._measured.result = result
        self._metrics.count(self._measured)

    def runs(self, begun: bool) -> bool:  # noqa: FBT001 - it is handed on
        """Take note whether the event runs: one that does not has not been."""
        if not begun:
            self._leave()
        return begun

    def _leave(self) -> None:
        if self._account is not None:
            self._account.leave()
        self._metrics.end(self._measured)
