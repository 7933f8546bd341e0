"""Invoke of what is deployed: from the name a caller used to the version that runs, and its environments."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable

from fastlambda_cli.local.aws.account import AccountConcurrency
from fastlambda_cli.local.aws.deployed.code import CodeStore
from fastlambda_cli.local.aws.deployed.packages import MissingImageError, image_package, zip_package
from fastlambda_cli.local.aws.deployed.runtimes import MissingRuntimeError, Runtimes
from fastlambda_cli.local.aws.deployed.specs import spec
from fastlambda_cli.local.aws.deployed.state import Alias, DeployedState, FunctionRecord
from fastlambda_cli.local.aws.deployed.unpacking import UnusableCodeError
from fastlambda_cli.local.aws.deployed.versions import Present, Versions
from fastlambda_cli.local.aws.function_names import FunctionReference
from fastlambda_cli.local.aws.invoke_errors import (
    missing_image,
    not_found,
    unassumable_role,
    unusable_code,
    unusable_runtime,
)
from fastlambda_cli.local.aws.model import Surroundings
from fastlambda_cli.local.aws.signatures.keyring import UnassumableRoleError
from fastlambda_cli.local.function import FunctionSpec, LambdaFunction
from fastlambda_cli.local.function.running import Caller
from fastlambda_cli.local.model import LATEST, Invocation, InvokeResult, Notice, Sink, ThrottledError, ThrottleReason

_NOT_HERE = {
    "Layers": "layers, which are not put into the environments here",
    "FileSystemConfigs": "a file system, which is not mounted here",
    "DurableConfig": "durable executions, which the local AWS does not run",
    "TenancyConfig": "an environment for each tenant, which the local AWS does not have",
}
"""What of a configuration a function would miss without a word, and so does not run with."""


class DeployedFunctions:
    """Every function that the emulator knows.

    Args:
        state: What the emulator knows.
        code: Unpacks deployment packages.
        runtimes: Finds interpreters.
        versions: Runs them.
        surroundings: What the functions find round themselves.
        sink: Is told when a package that nobody uses cannot be deleted.
        account: Limits all functions without reserved concurrency together.
        concurrency: How many events one of them may run at once.
        choose: Draws a number from 0 up to 1 for every event: an alias may have weights.

    """

    def __init__(  # noqa: PLR0913 - each is a room of its own
        self,
        state: DeployedState,
        code: CodeStore,
        runtimes: Runtimes,
        versions: Versions,
        surroundings: Surroundings,
        sink: Sink,
        account: AccountConcurrency,
        *,
        concurrency: int,
        choose: Callable[[], float] = random.random,
    ) -> None:
        self._state = state
        self._code = code
        self._runtimes = runtimes
        self._versions = versions
        self._surroundings = surroundings
        self._sink = sink
        self._account = account
        self._concurrency = concurrency
        self._choose = choose
        self._running: Counter[str] = Counter()
        self._grown = False
        self._pruning: asyncio.Task[None] | None = None

    async def invoke(self, reference: FunctionReference, invocation: Invocation) -> InvokeResult:
        """Run one event.

        Raises:
            InvokeError: There is no such function, version or alias, or its code cannot be run.
            ThrottledError: As many events as the function may have are running.
            EmulatorError: The emulator does not answer.

        """
        record = await self._found(reference, self._choose())
        name = record.configuration["FunctionName"]
        ahead = await self._state.provisioned(name, reference.qualifier) if reference.qualifier else 0
        async with self._admitted(name, record.reserved), self._environments(record) as environments:
            environments.provision(ahead)
            result = await environments.invoke(invocation)
        if self._grown and self._pruning is None:
            self._grown = False
            self._pruning = asyncio.create_task(self._prune(), name="prune unpacked packages")
        return result

    def begin(self, reference: FunctionReference, invocation: Invocation, caller: Caller) -> bool:
        """Run one event without a task, where everything about it is known and an environment takes it at once.

        Args:
            reference: The function.
            invocation: The event.
            caller: Is told its outcome.

        Returns:
            Whether it runs; else nothing was done, and `invoke` decides about it.

        """
        name, qualifier = reference.name, reference.qualifier
        version = self._known_version(reference) if reference.is_here else None
        record = None if version is None else self._state.known_function(name, version)
        ahead = 0 if qualifier is None else self._state.known_provisioned(name, qualifier)
        if record is None or ahead is None or not self._has_room(name, record.reserved):
            return False
        present = self._versions.present(name, record.configuration["Version"], record.digest)
        if present is None or (record.reserved is None and not self._account.admit()):
            return False
        present.function.provision(ahead)
        account = self._account if record.reserved is None else None
        held = _Held(present, account, self._running, name, caller)
        if present.function.begin(invocation, held):
            return True
        held.leave()
        return False

    async def prepare(self, reference: FunctionReference) -> None:
        """Start the environments that are provisioned for an alias or a version.

        Raises:
            InvokeError: There is no such function, version or alias, or its code cannot be run.
            EmulatorError: The emulator does not answer.

        """
        record = await self._found(reference, 1.0)
        name = record.configuration["FunctionName"]
        if ahead := await self._state.provisioned(name, reference.qualifier) if reference.qualifier else 0:
            async with self._environments(record) as environments:
                environments.provision(ahead)

    async def close(self) -> None:
        """Wait until no packages are being deleted any more."""
        if self._pruning is not None:
            await asyncio.wait({self._pruning})

    async def _prune(self) -> None:
        try:
            await self._code.prune({each.task_root for each in self._versions.specs()})
        except OSError as problem:
            self._sink(Notice(f"An unpacked package that nobody uses cannot be deleted: {problem}", warning=True))
        finally:
            self._pruning = None

    async def check(self, reference: FunctionReference) -> None:
        """Check that there is such a function, version or alias, without running anything.

        Raises:
            InvokeError: There is none.
            EmulatorError: The emulator does not answer.

        """
        await self._found(reference, 1.0)

    async def _found(self, reference: FunctionReference, drawn: float) -> FunctionRecord:
        record = None
        if reference.is_here:
            version = await self._version(reference, drawn)
            record = await self._state.function(reference.name, version) if version else None
        if record is None:
            if reference.is_here and await self._state.function(reference.name, LATEST) is None:
                self._versions.retire(reference.name)
            raise not_found(reference.arn if reference.qualifier else f"{reference.arn}:{LATEST}")
        return record

    def _environments(self, record: FunctionRecord) -> contextlib.AbstractAsyncContextManager[LambdaFunction]:
        name, version = record.configuration["FunctionName"], record.configuration["Version"]
        return self._versions.environments(name, version, record.digest, lambda: self._spec(record))

    def _known_version(self, reference: FunctionReference) -> str | None:
        qualifier = reference.qualifier or LATEST
        if qualifier == LATEST or qualifier.isdigit():
            return qualifier
        alias = self._state.known_alias(reference.name, qualifier)
        return None if alias is None else _drawn(alias, self._choose())

    def _has_room(self, name: str, reserved: int | None) -> bool:
        running = self._running[name]
        return running < self._concurrency and (reserved is None or running < reserved)

    async def _version(self, reference: FunctionReference, drawn: float) -> str | None:
        """The version to run; of an alias with weights the one on which the drawn number falls."""
        qualifier = reference.qualifier or LATEST
        if qualifier == LATEST or qualifier.isdigit():
            return qualifier
        alias = await self._state.alias(reference.name, qualifier)
        return None if alias is None else _drawn(alias, drawn)

    @contextlib.asynccontextmanager
    async def _admitted(self, name: str, reserved: int | None) -> AsyncIterator[None]:
        """Count an event; the function's versions share what is reserved for it, or the account's."""
        if reserved is not None and self._running[name] >= reserved:
            raise ThrottledError(ThrottleReason.RESERVED)
        if self._running[name] >= self._concurrency:
            raise ThrottledError(ThrottleReason.ACCOUNT)
        self._running[name] += 1
        try:
            async with self._account.admitted() if reserved is None else contextlib.nullcontext():
                yield
        finally:
            self._running[name] -= 1

    async def _spec(self, record: FunctionRecord) -> FunctionSpec:
        configuration = record.configuration
        name = configuration["FunctionName"]
        for setting, what in _NOT_HERE.items():
            if configuration.get(setting):
                raise unusable_runtime(f"{name} has {what}.")
        try:
            keys = await self._surroundings.keys(name, configuration["Role"])
            if configuration.get("PackageType") == "Image":
                package = await image_package(self._state, configuration)
            else:
                package = zip_package(self._state, configuration)
            runtime = await self._runtimes.installed(package.runtime)
            code = await self._code.unpacked(package.digest, package.read)
        except UnassumableRoleError as problem:
            raise unassumable_role() from problem
        except MissingRuntimeError as problem:
            raise unusable_runtime(str(problem)) from problem
        except MissingImageError as problem:
            raise missing_image(f"The image of {name} cannot be used: {problem}") from problem
        except UnusableCodeError as problem:
            raise unusable_code(f"Lambda could not unzip the deployment package of {name}: {problem}") from problem
        self._grown = True
        return spec(
            configuration,
            handler=package.handler,
            code=code,
            runtime=runtime,
            surroundings=self._surroundings,
            most_workers=self._concurrency,
            keys=keys,
        )


class _Held:
    """The caller of an event that nobody awaits, and what is held for it meanwhile."""

    __slots__ = ("_account", "_caller", "_name", "_present", "_running", "logged", "told")

    def __init__(
        self, present: Present, account: AccountConcurrency | None, running: Counter[str], name: str, caller: Caller
    ) -> None:
        self.told, self.logged = caller.told, caller.logged
        self._caller = caller
        self._present = present
        self._account = account
        self._running = running
        self._name = name
        present.enter()
        running[name] += 1

    def over(self, write_up: Callable[[], None]) -> None:
        self.leave()
        self._caller.over(write_up)

    def leave(self) -> None:
        self._present.leave()
        self._running[self._name] -= 1
        if self._account is not None:
            self._account.leave()


def _drawn(alias: Alias, number: float) -> str:
    """The version of an alias on whose share a number from 0 to 1 falls."""
    for version, weight in sorted(alias.weights.items()):
        if number < weight:
            return version
        number -= weight
    return alias.version
