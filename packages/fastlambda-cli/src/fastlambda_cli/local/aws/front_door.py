"""Everything behind the one port of a local AWS, put together; imported while the emulator starts."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from fastlambda_cli.local.aws.account import AccountConcurrency
from fastlambda_cli.local.aws.deployed.authorizers import Authorizers
from fastlambda_cli.local.aws.deployed.endpoints import with_present_port
from fastlambda_cli.local.aws.deployed.function_urls import HOST as URL_HOST
from fastlambda_cli.local.aws.deployed.function_urls import FunctionUrls
from fastlambda_cli.local.aws.deployed.hosts import by_host
from fastlambda_cli.local.aws.deployed.http_apis import HOST as API_HOST
from fastlambda_cli.local.aws.deployed.http_apis import DeployedRoutes
from fastlambda_cli.local.aws.deployed.issuers import with_cognito
from fastlambda_cli.local.aws.deployed.memory import Memory, forgetful
from fastlambda_cli.local.aws.deployed.running import deployed_functions
from fastlambda_cli.local.aws.deployed.state import DeployedState
from fastlambda_cli.local.aws.emulator import Emulator
from fastlambda_cli.local.aws.events import Destinations, EventSources, Services, TraceHeaders
from fastlambda_cli.local.aws.functions import Functions
from fastlambda_cli.local.aws.guard import guarded
from fastlambda_cli.local.aws.invoke_api import InvokeApi, invoke_first
from fastlambda_cli.local.aws.invoke_shortcut import InvokeShortcut
from fastlambda_cli.local.aws.logs_api import LogsApi
from fastlambda_cli.local.aws.metrics_flow import MetricsFlow
from fastlambda_cli.local.aws.model import RetryPolicy, Running, Surroundings
from fastlambda_cli.local.aws.permissions import Permissions
from fastlambda_cli.local.aws.proxy import EmulatorProxy
from fastlambda_cli.local.aws.refusals import refusing
from fastlambda_cli.local.aws.signatures.door import Door
from fastlambda_cli.local.aws.signatures.keyring import Keyring
from fastlambda_cli.local.aws.signatures.registry import RegistryLogin
from fastlambda_cli.local.aws.signatures.whole import WholeRequests
from fastlambda_cli.local.aws.xray_api import XrayApi
from fastlambda_cli.local.http import HttpApi
from fastlambda_cli.local.http.issuers import Issuers, fetch_document
from fastlambda_cli.local.http.kinds import FUNCTION_URL
from fastlambda_cli.local.serve import serve
from fastlambda_cli.local.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """What answers requests.

    Attributes:
        functions: Everything that can be invoked.
        metrics: Brings what functions count to the emulator.
        event_sources: Bring what waits in the emulator to functions.
        issuers: Who issues tokens, as JWT authorizers know them.
        permissions: Say who may do what, and tell what was denied.

    """

    functions: Functions
    metrics: MetricsFlow
    event_sources: EventSources
    issuers: Issuers
    permissions: Permissions

    @contextlib.asynccontextmanager
    async def delivering(self) -> AsyncIterator[None]:
        """Carry between the emulator, which has to answer, and the functions while the block runs."""
        async with self.metrics.flowing(), self.event_sources.polled():
            yield


@contextlib.asynccontextmanager
async def front_door(
    listener: socket.socket,
    emulator: Emulator,
    keyring: Keyring,
    directory: Path,
    sink: Telemetry,
    surroundings: Surroundings,
    running: Running,
    retries: RetryPolicy | None,
) -> AsyncIterator[FrontDoor]:
    """Answer on a listening socket while the block runs; what is the emulator's waits until that answers.

    Args:
        listener: Listens already; closed at the end.
        emulator: Answers what is not answered here.
        keyring: Whose keys requests are signed with.
        directory: Where the local AWS's state lives.
        sink: Is told what happens, and keeps what AWS keeps.
        surroundings: What deployed functions find round themselves.
        running: How they run.
        retries: How asynchronous invocations are tried again; None for as Lambda does.

    """
    port: int = listener.getsockname()[1]
    memory = Memory()
    state = DeployedState(emulator, memory)
    account = AccountConcurrency(running.account_concurrency, state.unreserved)
    async with contextlib.AsyncExitStack() as stack:
        deployed = await stack.enter_async_context(
            deployed_functions(directory / "functions", state, sink, surroundings, running, account)
        )
        functions = Functions(deployed, sink.invocations, account)
        traces = TraceHeaders()
        services = Services(emulator, traces)
        event_sources = EventSources(services, functions, sink)
        permissions = Permissions(emulator, keyring, sink)
        proxy = traces.noticing(event_sources.noticing(permissions.asked(EmulatorProxy(emulator))))
        metrics = MetricsFlow(sink.metrics, services, sink)
        control_plane = metrics.current(with_present_port(forgetful(proxy, memory), port))
        destinations = Destinations(state, services, permissions, sink)
        invoke_api = InvokeApi(functions, control_plane, permissions, sink, retries, destinations, traces)
        issuers = Issuers(with_cognito(state, fetch_document))
        routes = DeployedRoutes(state, functions, Authorizers(state, functions, issuers, keyring, permissions), sink)
        http_apis = await stack.enter_async_context(HttpApi(routes, sink))
        urls = FunctionUrls(state, functions, keyring, permissions, sink)
        function_urls = await stack.enter_async_context(HttpApi(urls, sink, FUNCTION_URL))
        logs_api = LogsApi(sink.logs, emulator, permissions, invoke_api)
        xray_api = XrayApi(sink.traces, sink, permissions, logs_api)
        registry = RegistryLogin(keyring.user)
        others = registry.giving(refusing(xray_api), surroundings.endpoint_url)
        signed = Door(invoke_first(invoke_api, others), keyring, registry)
        app = by_host({API_HOST: http_apis, URL_HOST: function_urls}, guarded(signed))
        shortcut = InvokeShortcut(functions, WholeRequests(keyring.user, "lambda"))
        await stack.enter_async_context(serve(app, label="The AWS endpoint", listener=listener, shortcut=shortcut))
        stack.push_async_callback(invoke_api.close)
        yield FrontDoor(functions, metrics, event_sources, issuers, permissions)
