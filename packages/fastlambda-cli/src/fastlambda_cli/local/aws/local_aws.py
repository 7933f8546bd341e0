"""The local AWS of one service, in one object."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import TracebackType
from typing import Self

from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.aws.async_invocations import RetryPolicy
from fastlambda_cli.local.aws.emulator import Emulator, emulator_at
from fastlambda_cli.local.aws.guard import guarded
from fastlambda_cli.local.aws.invoke_api import InvokeApi
from fastlambda_cli.local.aws.proxy import EmulatorProxy
from fastlambda_cli.local.aws.secrets import SecretsManager, ensure_secrets
from fastlambda_cli.local.model import Invoke, Sink
from fastlambda_cli.local.serve import serve
from fastlambda_cli.service.model import Service

DEFAULT_PORT = 4566


class LocalAws:
    """AWS on this machine while the block runs: `async with LocalAws(...) as aws`.

    Args:
        directory: Where its state lives, such as `.fastlambda/aws` beside the service.
        sink: Told what happens to it.
        port: Where SDKs reach it on 127.0.0.1; 0 for any free port.
        retries: How asynchronous invocations are tried again; by default as Lambda does.

    Raises:
        PortTakenError: Another process listens on the port.
        ToolchainError: The emulator is not installed and cannot be.
        EmulatorError: It does not start, or another start holds the directory.

    """

    def __init__(
        self, directory: Path, sink: Sink, *, port: int = DEFAULT_PORT, retries: RetryPolicy | None = None
    ) -> None:
        self._directory = directory
        self._sink = sink
        self._port = port
        self._retries = retries
        self._stack = contextlib.AsyncExitStack()
        self._emulator: Emulator
        self._invoke_api: InvokeApi
        self.endpoint_url: str

    async def __aenter__(self) -> Self:
        """Listen first, so that a taken port is known at once, then start the emulator."""
        async with contextlib.AsyncExitStack() as stack:
            emulator = await stack.enter_async_context(emulator_at(self._directory, self._sink))
            invoke_api = InvokeApi(EmulatorProxy(emulator), self._sink, self._retries)
            front_door = serve(guarded(invoke_api), self._port, label="The AWS endpoint", option="--aws-port")
            server = await stack.enter_async_context(front_door)
            stack.push_async_callback(invoke_api.close)
            await emulator.start(server.port)
            self._emulator, self._invoke_api, self.endpoint_url = emulator, invoke_api, server.url
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the front door, then end the emulator, whose state is saved."""
        await self._stack.__aexit__(kind, value, trace)

    @property
    def emulator_pid(self) -> int | None:
        """The emulator's process id, for people and for tests."""
        return self._emulator.pid

    def register(self, function_name: str, invoke: Invoke) -> None:
        """Have Invoke of this function answered by `invoke`, from now on."""
        self._invoke_api.register(function_name, invoke)

    def unregister(self, function_name: str) -> None:
        """Leave Invoke of this function to the emulator again."""
        self._invoke_api.unregister(function_name)

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
