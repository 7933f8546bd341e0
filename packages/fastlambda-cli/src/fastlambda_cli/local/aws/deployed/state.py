"""What the emulator knows of functions and HTTP APIs, asked over its private socket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import httpx

from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.aws.deployed.memory import Memory
from fastlambda_cli.local.aws.deployed.specs import digest
from fastlambda_cli.local.aws.source import Source
from fastlambda_cli.local.model import ACCOUNT_ID, REGION

_ATTEMPTS = 3
"""How often a question is put to an emulator that dies over it."""

_URL = "/_fastlambda/function-url"
"""The launcher's own too: the emulator's API finds function URLs by their functions only."""

_CODE = "/_fastlambda/lambda-code"
"""The launcher's own: the emulator's API hands out the code of $LATEST only, whatever the version."""


@dataclass(frozen=True, slots=True)
class Alias:
    """A name for a version of a function.

    Attributes:
        version: What most invocations run.
        weights: The share of the others, from 0 to 1, by their version.

    """

    version: str
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FunctionRecord:
    """One version of a function.

    Attributes:
        configuration: As GetFunctionConfiguration shows it (AWS Lambda API Reference).
        digest: Names what the version's execution environments are made of.
        reserved: The function's reserved concurrency; None when there is none.

    """

    configuration: Mapping[str, Any]
    digest: str
    reserved: int | None = None


@dataclass(frozen=True, slots=True)
class ApiRecord:
    """An HTTP API and what hangs on it, as the API Gateway v2 API shows them."""

    api: Mapping[str, Any]
    routes: tuple[Mapping[str, Any], ...]
    integrations: Mapping[str, Mapping[str, Any]]
    stages: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class UrlRecord:
    """A function URL.

    Attributes:
        function: The function's name.
        qualifier: The alias that it is of; None for the function itself.
        configuration: As GetFunctionUrlConfig shows it (AWS Lambda API Reference).

    """

    function: str
    qualifier: str | None
    configuration: Mapping[str, Any]


class DeployedState:
    """Asks the emulator; everything but code is remembered.

    Args:
        source: The emulator.
        memory: Keeps answers while nothing can have changed.

    Every method raises EmulatorError when the emulator does not answer.

    """

    def __init__(self, source: Source, memory: Memory) -> None:
        self._source = source
        self._memory = memory

    async def function(self, name: str, version: str) -> FunctionRecord | None:
        """GetFunction of a version; None when there is no such function or version."""
        question = _function(name, version)
        return await self._memory.recall((FunctionRecord, question), lambda: self._record(question))

    async def _record(self, path: str) -> FunctionRecord | None:
        found = await self._read(path)
        if found is None:
            return None
        reserved = found.get("Concurrency", {}).get("ReservedConcurrentExecutions")
        return FunctionRecord(found["Configuration"], digest(found["Configuration"]), reserved)

    async def alias(self, function: str, name: str) -> Alias | None:
        """GetAlias; None when there is no such function or alias."""
        question = _alias(function, name)
        return await self._memory.recall((Alias, question), lambda: self._alias(question))

    async def _alias(self, path: str) -> Alias | None:
        found = await self._read(path)
        if found is None:
            return None
        return Alias(found["FunctionVersion"], found.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}))

    async def provisioned(self, function: str, qualifier: str) -> int:
        """The number of GetProvisionedConcurrencyConfig for a version or an alias; 0 when there is none."""
        question = _provisioned(function, qualifier)
        return await self._memory.recall((int, question), lambda: self._provisioned(question))

    async def _provisioned(self, path: str) -> int:
        found = await self._read(path)
        return 0 if found is None else int(found["RequestedProvisionedConcurrentExecutions"])

    def known_function(self, name: str, version: str) -> FunctionRecord | None:
        """What `function` answers, if that is known without asking; else None."""
        found: FunctionRecord | None = self._memory.recent((FunctionRecord, _function(name, version)))
        return found

    def known_alias(self, function: str, name: str) -> Alias | None:
        """What `alias` answers, if that is known without asking; else None."""
        found: Alias | None = self._memory.recent((Alias, _alias(function, name)))
        return found

    def known_provisioned(self, function: str, qualifier: str) -> int | None:
        """What `provisioned` answers, if that is known without asking; else None."""
        found: int | None = self._memory.recent((int, _provisioned(function, qualifier)))
        return found

    async def unreserved(self) -> int:
        """The events at once that GetAccountSettings says are reserved for no function."""
        found = await self._remembered("/2016-08-19/account-settings/")
        return int(found["AccountLimit"]["UnreservedConcurrentExecutions"])

    async def policy(self, function: str, qualifier: str | None) -> list[Mapping[str, Any]]:
        """The statements of GetPolicy; none when there is no policy."""
        query = f"?Qualifier={_quoted(qualifier)}" if qualifier else ""
        found = await self._remembered(f"/2015-03-31/functions/{_quoted(function)}/policy{query}")
        return [] if found is None else json.loads(found["Policy"])["Statement"]

    async def function_url(self, url_id: str) -> UrlRecord | None:
        """Find the function of a URL; None when there is no such URL."""
        found = await self._remembered(f"{_URL}/{_quoted(url_id)}")
        return None if found is None else UrlRecord(found["function"], found["qualifier"], found["configuration"])

    async def event_invoke_config(self, function: str, qualifier: str | None) -> Mapping[str, Any] | None:
        """GetFunctionEventInvokeConfig; None when there is none."""
        query = f"?Qualifier={_quoted(qualifier)}" if qualifier else ""
        found: Mapping[str, Any] | None = await self._remembered(
            f"/2019-09-25/functions/{_quoted(function)}/event-invoke-config{query}"
        )
        return found

    async def api(self, api_id: str) -> ApiRecord | None:
        """GetApi, GetRoutes, GetIntegrations and GetStages; None when there is no such HTTP API."""
        path = f"/v2/apis/{_quoted(api_id)}"
        api = await self._remembered(path)
        if api is None or api["protocolType"] != "HTTP":
            return None
        routes, integrations, stages = [await self._items(f"{path}/{kind}") for kind in _PARTS]
        return ApiRecord(
            api,
            tuple(routes),
            {each["integrationId"]: each for each in integrations},
            {each["stageName"]: each for each in stages},
        )

    async def code(self, function: str, version: str) -> bytes | None:
        """The deployment package of a version; None when the emulator has none."""
        path = f"{_CODE}/{ACCOUNT_ID}/{REGION}/{_quoted(function)}/{_quoted(version)}"
        return await self._get(path)

    async def of_registry(self, registry: str, path: str) -> bytes | None:
        """What Amazon ECR's registry has below /v2/; None when it has no such manifest or blob.

        Args:
            registry: Its host, which tells account and Region.
            path: Such as REPOSITORY/manifests/DIGEST.

        """
        return await self._get(f"/v2/{path}", host=registry)

    async def of_user_pool(self, pool: str, document: str) -> bytes | None:
        """What Amazon Cognito publishes of a user pool; None when there is no such pool.

        Args:
            pool: Its id.
            document: Such as /.well-known/jwks.json.

        """
        return await self._get(f"/{_quoted(pool)}{document}")

    async def authorizers(self, api_id: str) -> Mapping[str, Mapping[str, Any]]:
        """GetAuthorizers of an HTTP API, by their ids."""
        return {each["authorizerId"]: each for each in await self._items(f"/v2/apis/{_quoted(api_id)}/authorizers")}

    async def _items(self, path: str) -> list[Mapping[str, Any]]:
        found = await self._remembered(path)
        return [] if found is None else found["items"]

    async def _remembered(self, path: str) -> Any:
        return await self._memory.recall(path, lambda: self._read(path))

    async def _read(self, path: str) -> Any:
        answer = await self._get(path)
        return None if answer is None else json.loads(answer)

    async def _get(self, path: str, host: str = "emulator") -> bytes | None:
        async with self._source.client() as client:
            client.headers["host"] = host
            response = await self._asked(client, path)
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        if not response.is_success:
            raise _unanswered(path, f"{response.status_code}: {response.text}")
        return response.content

    async def _asked(self, client: httpx.AsyncClient, path: str) -> httpx.Response:
        for _ in range(_ATTEMPTS - 1):
            await self._source.available()
            try:
                return await client.get(path)
            except httpx.TransportError:  # it died; it comes back, or `available` says why not
                continue
        await self._source.available()
        try:
            return await client.get(path)
        except httpx.TransportError as problem:
            raise _unanswered(path, str(problem) or type(problem).__name__) from problem


_PARTS = ("routes", "integrations", "stages")


@lru_cache(maxsize=1_000)
def _quoted(text: str) -> str:
    return quote(text, safe="")


def _function(name: str, version: str) -> str:
    return f"/2015-03-31/functions/{_quoted(name)}?Qualifier={_quoted(version)}"


def _alias(function: str, name: str) -> str:
    return f"/2015-03-31/functions/{_quoted(function)}/aliases/{_quoted(name)}"


def _provisioned(function: str, qualifier: str) -> str:
    return f"/2019-09-30/functions/{_quoted(function)}/provisioned-concurrency?Qualifier={_quoted(qualifier)}"


def _unanswered(path: str, why: str) -> EmulatorError:
    return EmulatorError(
        f"The emulator did not answer {path}",
        why=why,
        remedy="Try again; emulator.log in the state directory tells more.",
    )
