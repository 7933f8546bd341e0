"""The local AWS of one service, in one object."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from fastlambda_cli.artifact.interpreter import own_python
from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.aws.emulator import Emulator, emulator_at
from fastlambda_cli.local.aws.function_names import FunctionReference
from fastlambda_cli.local.aws.model import RetryPolicy, Running, Surroundings
from fastlambda_cli.local.aws.secrets import SecretsManager, ensure_secrets
from fastlambda_cli.local.aws.signatures.keyring import Keyring, UnassumableRoleError
from fastlambda_cli.local.file_hints import FileHints
from fastlambda_cli.local.keys import kept_keys
from fastlambda_cli.local.model import Invocation, Invoke, InvokeResult, Sink
from fastlambda_cli.local.ports import LOOPBACK, listen
from fastlambda_cli.local.telemetry import Telemetry
from fastlambda_cli.local.xray import XrayReceiver
from fastlambda_cli.service.model import Service

if TYPE_CHECKING:
    from fastlambda_cli.local.aws.functions import Begin, Functions
    from fastlambda_cli.local.http.issuers import Issuers

DEFAULT_PORT = 4566


class LocalAws:
    """AWS on this machine while the block runs: `async with LocalAws(...) as aws`.

    Args:
        directory: Where its state lives, such as `.fastlambda/aws` beside the service.
        sink: Told what happens to it and in its functions.
        port: Where SDKs reach it on 127.0.0.1; 0 for any free port.
        retries: How asynchronous invocations are tried again; by default as Lambda does.
        running: How deployed functions run.
        listening: Told the endpoint's URL before the emulator answers: requests wait for it from then on.
        ahead: The emulator's services, by its own names, that are wanted soon: loaded before they are asked for.

    Attributes:
        endpoint_url: Where SDKs reach it, once started.
        keys: What requests to it are signed with, once started; its directory keeps them.
        xray_address: host:port of the X-Ray daemon for functions, once started.
        own_files: Whether environments have file systems of their own, once started.
        files_obstacle: Why this machine cannot give them any; empty where it can, or was not asked to.
        issuers: Who issues tokens, as its JWT authorizers know them, once started.

    Raises:
        PortTakenError: Another process listens on the port.
        ToolchainError: The emulator is not installed and cannot be.
        EmulatorError: It does not start, or another start holds the directory.

    """

    def __init__(
        self,
        directory: Path,
        sink: Sink,
        *,
        port: int = DEFAULT_PORT,
        retries: RetryPolicy | None = None,
        running: Running | None = None,
        listening: Callable[[str], None] | None = None,
        ahead: Sequence[str] = (),
    ) -> None:
        self._directory = directory
        self._hints = FileHints(sink)
        self._sink = Telemetry(self._hints)
        self._port = port
        self._retries = retries
        self._running = running or Running()
        self._listening = listening
        self._ahead = ahead
        self._stack = contextlib.AsyncExitStack()
        self._emulator: Emulator
        self._functions: Functions
        self._keyring: Keyring
        self._tell_denials_again: Callable[[str], None]
        self.endpoint_url: str
        self.keys: Keys
        self.xray_address: str
        self.own_files = False
        self.files_obstacle = ""
        self.issuers: Issuers

    async def __aenter__(self) -> Self:
        """Listen first, so that a taken port is known at once, then start the emulator."""
        async with contextlib.AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def _start(self, stack: contextlib.AsyncExitStack) -> None:
        self._emulator = await stack.enter_async_context(emulator_at(self._directory, self._sink))
        self._keyring = keyring = Keyring(kept_keys(self._directory), self._emulator)
        self.keys = keyring.user
        listener = stack.enter_context(listen(self._port, label="The AWS endpoint", option="--aws-port"))
        port: int = listener.getsockname()[1]
        self.endpoint_url = f"http://{LOOPBACK}:{port}"
        limit = self._running.account_concurrency
        start = self._emulator.start(port, keyring.emulator, self._ahead, account_concurrency=limit)
        starting = asyncio.create_task(start, name="start of the emulator")
        stack.push_async_callback(_given_up, starting)
        self.xray_address = (await stack.enter_async_context(XrayReceiver(self._sink))).address
        if self._running.own_files:
            self.files_obstacle = await asyncio.to_thread(_files_obstacle)
            self.own_files = self._hints.given = not self.files_obstacle
        # A sixth of a second goes into importing what answers requests: on a thread, while the emulator starts.
        await asyncio.to_thread(importlib.import_module, "fastlambda_cli.local.aws.front_door")
        from fastlambda_cli.local.aws.front_door import front_door  # noqa: PLC0415

        surroundings = Surroundings(self.endpoint_url, self.xray_address, keyring.of_function, self.own_files)
        door = await stack.enter_async_context(
            front_door(
                listener,
                self._emulator,
                keyring,
                self._directory,
                self._sink,
                surroundings,
                self._running,
                self._retries,
            )
        )
        self._functions = door.functions
        self._tell_denials_again = door.permissions.tell_again
        self.issuers = door.issuers
        if self._listening is not None:
            self._listening(self.endpoint_url)
        await starting
        await stack.enter_async_context(door.delivering())

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the front door, then end the emulator, whose state is saved."""
        await self._stack.__aexit__(kind, value, trace)

    @property
    def sink(self) -> Sink:
        """Takes what happens in functions that are registered here: what AWS keeps of it can then be asked for."""
        return self._sink

    @property
    def emulator_pid(self) -> int | None:
        """The emulator's process id, for people and for tests."""
        return self._emulator.pid

    def register(
        self,
        function_name: str,
        invoke: Invoke,
        aliases: Collection[str] = (),
        reserved: Callable[[], bool] = lambda: False,
        begin: Begin | None = None,
    ) -> None:
        """Have Invoke of this function answered by `invoke`, from now on; its published versions stay as deployed.

        Args:
            function_name: The function's name.
            invoke: Runs it.
            aliases: The qualifiers, besides none and $LATEST, that reach it.
            reserved: Tells whether it has reserved concurrency, and so takes none of the account's.
            begin: Runs what needs no task; None where everything does.

        """
        self._functions.register(function_name, invoke, aliases, reserved, begin)

    def function_keys(self, function_name: str) -> Keys:
        """What a function signs with that is registered here: it may do everything until it is told its role."""
        return self._keyring.of_folder(function_name)

    async def assume_roles(self, function_names: Iterable[str]) -> None:
        """Have functions that are registered here be what the stack has given them: their roles.

        Raises:
            EmulatorError: One has no role that Lambda can assume, or the emulator does not answer.

        """
        for name in function_names:
            self._tell_denials_again(name)
            try:
                await self._keyring.assume(name)
            except UnassumableRoleError as problem:
                raise EmulatorError(
                    f"{name} may do everything here",
                    why=f"Lambda cannot assume its role ({problem})",
                    remedy="Deploy its stack again.",
                ) from problem

    def leave_roles(self, function_names: Iterable[str]) -> None:
        """Have functions that are registered here do what they will, until they assume their roles again."""
        for name in function_names:
            self._keyring.leave(name)

    def unregister(self, function_name: str) -> None:
        """Have the function answered as it is deployed, if it is."""
        self._functions.unregister(function_name)

    async def invoke(self, function_name: str, qualifier: str | None, invocation: Invocation) -> InvokeResult:
        """Run one event, as Invoke does.

        Raises:
            RefusedError: There is no such function, version or alias, or its code cannot be run.
            ThrottledError: As many events as the function may have are running.
            EmulatorError: The emulator does not answer.

        """
        reference = FunctionReference(function_name, qualifier=qualifier)
        return await self._functions.invoke(reference, invocation._replace(invoked_arn=reference.arn))

    async def ensure_secrets(self, service: Service, prefix: str) -> dict[str, str]:
        """Make what is missing of a service's secrets; return ARNs by environment variable.

        Args:
            service: The service.
            prefix: What stands before the slash in the secrets' names: the name of the stage's stack.

        Raises:
            EmulatorError: The emulator refuses, or cannot save them.

        """
        await self._emulator.available()
        async with self._emulator.client() as client:
            arns = await ensure_secrets(service, prefix, SecretsManager(client))
            # A secret that was generated exists nowhere else: it must outlive an emulator that dies right now.
            saved = await client.post("/_fastlambda/save")
        if not saved.is_success:
            raise EmulatorError(
                "The service's secrets could not be saved",
                why="the emulator cannot write its state",
                remedy=f"See that {self._directory} can be written to, then start again.",
            )
        return arns


def _files_obstacle() -> str:
    """Try what every environment is to get; on a thread, while the emulator starts."""
    from fastlambda_cli.local.function.own_files import obstacle  # noqa: PLC0415 - as above

    return obstacle(own_python())


async def _given_up(start: asyncio.Task[None]) -> None:
    """End the start of the emulator where something else has failed; what it started itself is ended after it."""
    start.cancel()
    await asyncio.gather(start, return_exceptions=True)
