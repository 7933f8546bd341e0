"""The local AWS of one service, in one object."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.aws.async_invocations import RetryPolicy
from fastlambda_cli.local.aws.deployed.endpoints import with_present_port
from fastlambda_cli.local.aws.deployed.functions import Surroundings
from fastlambda_cli.local.aws.deployed.http_apis import DeployedRoutes, under_their_hosts
from fastlambda_cli.local.aws.deployed.memory import Memory, forgetful
from fastlambda_cli.local.aws.deployed.running import Running, deployed_functions
from fastlambda_cli.local.aws.deployed.state import DeployedState
from fastlambda_cli.local.aws.emulator import Emulator, emulator_at
from fastlambda_cli.local.aws.events import Destinations, EventSources, Services, TraceHeaders
from fastlambda_cli.local.aws.function_names import FunctionReference
from fastlambda_cli.local.aws.functions import Functions
from fastlambda_cli.local.aws.guard import guarded
from fastlambda_cli.local.aws.invoke_api import InvokeApi
from fastlambda_cli.local.aws.logs_api import LogsApi
from fastlambda_cli.local.aws.metrics_flow import MetricsFlow
from fastlambda_cli.local.aws.proxy import EmulatorProxy
from fastlambda_cli.local.aws.refusals import refusing
from fastlambda_cli.local.aws.secrets import SecretsManager, ensure_secrets
from fastlambda_cli.local.aws.xray_api import XrayApi
from fastlambda_cli.local.http import HttpApi
from fastlambda_cli.local.model import Invocation, Invoke, InvokeResult, Sink
from fastlambda_cli.local.ports import LOOPBACK, listen
from fastlambda_cli.local.serve import serve
from fastlambda_cli.local.telemetry import Telemetry
from fastlambda_cli.local.xray import XrayReceiver
from fastlambda_cli.service.model import Service

DEFAULT_PORT = 4566
_LABEL = "The AWS endpoint"


class LocalAws:
    """AWS on this machine while the block runs: `async with LocalAws(...) as aws`.

    Args:
        directory: Where its state lives, such as `.fastlambda/aws` beside the service.
        sink: Told what happens to it and in its functions.
        port: Where SDKs reach it on 127.0.0.1; 0 for any free port.
        retries: How asynchronous invocations are tried again; by default as Lambda does.
        running: How deployed functions run.
        listening: Told the endpoint's URL before the emulator is started: requests wait for it from then on.

    Attributes:
        endpoint_url: Where SDKs reach it, once started.
        xray_address: host:port of the X-Ray daemon for functions, once started.

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
    ) -> None:
        self._directory = directory
        self._sink = Telemetry(sink)
        self._port = port
        self._retries = retries
        self._running = running or Running()
        self._listening = listening
        self._stack = contextlib.AsyncExitStack()
        self._emulator: Emulator
        self._functions: Functions
        self.endpoint_url: str
        self.xray_address: str

    async def __aenter__(self) -> Self:
        """Listen first, so that a taken port is known at once, then start the emulator."""
        async with contextlib.AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def _start(self, stack: contextlib.AsyncExitStack) -> None:
        self._emulator = await stack.enter_async_context(emulator_at(self._directory, self._sink))
        listener = stack.enter_context(listen(self._port, label=_LABEL, option="--aws-port"))
        port: int = listener.getsockname()[1]
        self.endpoint_url = f"http://{LOOPBACK}:{port}"
        self.xray_address = (await stack.enter_async_context(XrayReceiver(self._sink))).address
        memory = Memory()
        state = DeployedState(self._emulator, memory)
        deployed = deployed_functions(
            self._directory / "functions",
            state,
            self._sink,
            Surroundings(self.endpoint_url, self.xray_address),
            self._running,
        )
        self._functions = Functions(await stack.enter_async_context(deployed), self._sink.invocations)
        traces = TraceHeaders()
        services = Services(self._emulator, traces)
        event_sources = EventSources(services, self._functions, self._sink)
        emulator = traces.noticing(event_sources.noticing(EmulatorProxy(self._emulator)))
        metrics = MetricsFlow(self._sink.metrics, services, self._sink)
        control_plane = metrics.current(with_present_port(forgetful(emulator, memory), port))
        destinations = Destinations(state, services, self._sink)
        invoke_api = InvokeApi(self._functions, control_plane, self._sink, self._retries, destinations, traces)
        http_apis = HttpApi(DeployedRoutes(state, self._functions, self._sink), self._sink)
        logs_api = LogsApi(self._sink.logs, self._emulator, invoke_api)
        xray_api = XrayApi(self._sink.traces, self._sink, logs_api)
        app = under_their_hosts(await stack.enter_async_context(http_apis), guarded(refusing(xray_api)))
        await stack.enter_async_context(serve(app, label=_LABEL, listener=listener))
        stack.push_async_callback(invoke_api.close)
        if self._listening is not None:
            self._listening(self.endpoint_url)
        await self._emulator.start(port)
        await stack.enter_async_context(metrics.flowing())
        await stack.enter_async_context(event_sources.polled())

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

    def register(self, function_name: str, invoke: Invoke, aliases: Collection[str] = ()) -> None:
        """Have Invoke of this function answered by `invoke`, from now on; its published versions stay as deployed.

        Args:
            function_name: The function's name.
            invoke: Runs it.
            aliases: The qualifiers, besides none and $LATEST, that reach it.

        """
        self._functions.register(function_name, invoke, aliases)

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
        return await self._functions.invoke(reference, replace(invocation, invoked_arn=reference.arn))

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
