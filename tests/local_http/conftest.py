"""A real HTTP API on a real socket, with a plain async function in the place of Lambda."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from no_tls import NO_TLS

from fastlambda_cli.local.http import HttpApi, one_route
from fastlambda_cli.local.http.kinds import HTTP_API, Kind
from fastlambda_cli.local.http.request import HttpRequest
from fastlambda_cli.local.http.routing import Route
from fastlambda_cli.local.model import HttpExchange, Invocation, Invoke, InvokeResult
from fastlambda_cli.local.serve import serve


@dataclass
class Gateway:
    """A running HTTP API and what was seen of it."""

    client: httpx.AsyncClient
    port: int
    invocations: list[Invocation] = field(default_factory=list)
    told: asyncio.Queue[HttpExchange] = field(default_factory=asyncio.Queue)
    problems: list[dict[str, Any]] = field(default_factory=list)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(invocation.payload) for invocation in self.invocations]

    async def exchange(self) -> HttpExchange:
        """The next exchange that was told: after its answer left, so a client may be first to know."""
        return await self.told.get()

    async def raw(self, request: bytes) -> bytes:
        """Send bytes on a connection of their own and read until the server closes it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        return answer


@dataclass
class Outcome:
    """What became of one request."""

    answer: httpx.Response
    event: dict[str, Any] | None
    exchange: HttpExchange


def returning(value: Any, **fields: Any) -> Invoke:
    """A function that returns a value, as JSON, or bytes as they are."""
    payload = value if isinstance(value, bytes) else json.dumps(value).encode()

    async def invoke(invocation: Invocation) -> InvokeResult:
        return InvokeResult(payload, invocation.request_id, **fields)

    return invoke


@contextlib.asynccontextmanager
async def running(
    function: Invoke, *, route: Callable[[Invoke], Route] | None = None, kind: Kind = HTTP_API, **options: Any
) -> AsyncIterator[Gateway]:
    """Run an HTTP API, or a URL, in front of a function; at its end nothing of it may be left on the loop."""
    gateway = Gateway(client=None, port=0)  # type: ignore[arg-type]
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, problem: gateway.problems.append(problem))

    async def invoke(invocation: Invocation) -> InvokeResult:
        gateway.invocations.append(invocation)
        return await function(invocation)

    async def routed(_: HttpRequest) -> Route:
        assert route is not None
        return route(invoke)

    async with (
        HttpApi(one_route(invoke, **options) if route is None else routed, gateway.told.put_nowait, kind) as api,
        serve(api, 0, label="The HTTP API", malformed=api.malformed, grace_s=0) as served,
        httpx.AsyncClient(base_url=served.url, timeout=30, verify=NO_TLS, trust_env=False) as client,
    ):
        gateway.client, gateway.port = client, served.port
        yield gateway
    assert asyncio.all_tasks() == {asyncio.current_task()}


Running = Callable[..., contextlib.AbstractAsyncContextManager[Gateway]]
Ask = Callable[..., Outcome]


@pytest.fixture
def gateway() -> Running:
    """`async with gateway(function) as api`: a running HTTP API."""
    return running


@pytest.fixture
def function() -> Callable[..., Invoke]:
    """`function(value)`: a Lambda function that returns this value."""
    return returning


@pytest.fixture(scope="package")
def ask() -> Iterator[Ask]:
    """`ask(method, path, returned=..., headers=..., content=...)`: one request, start to end."""
    function: Invoke = returning({"statusCode": 200})

    async def invoke(invocation: Invocation) -> InvokeResult:
        return await function(invocation)

    async def one(api: Gateway, method: str, path: str, **request: Any) -> Outcome:
        api.invocations.clear()
        async with httpx.AsyncClient(base_url=api.client.base_url, verify=NO_TLS, trust_env=False) as client:
            answer = await client.request(method, path, **request)
        exchange = await api.exchange()
        assert not api.problems
        return Outcome(answer, api.events[0] if api.events else None, exchange)

    with contextlib.ExitStack() as stack:
        stages: dict[str, tuple[asyncio.Runner, Gateway]] = {}

        def start(stage: str) -> tuple[asyncio.Runner, Gateway]:
            runner = stack.enter_context(asyncio.Runner())
            api = running(invoke, stage=stage)
            stack.callback(lambda: runner.run(api.__aexit__(None, None, None)))
            return runner, runner.run(api.__aenter__())

        def ask(
            method: str = "GET",
            path: str = "/",
            *,
            returned: Any = None,
            result: dict[str, Any] | None = None,
            stage: str = "$default",
            **request: Any,
        ) -> Outcome:
            nonlocal function
            function = returning({"statusCode": 200} if returned is None else returned, **(result or {}))
            runner, api = stages[stage] = stages.get(stage) or start(stage)
            return runner.run(one(api, method, path, **request))

        yield ask
