"""The HTTP APIs that are deployed, each under a host of its own: `API.execute-api.localhost`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

from fastlambda_cli.errors import FastLambdaError
from fastlambda_cli.local.aws.deployed.authorizers import Authorizers, UnservedError
from fastlambda_cli.local.aws.deployed.invoking import invoking
from fastlambda_cli.local.aws.deployed.permissions import gateway_may_invoke, source_arn
from fastlambda_cli.local.aws.deployed.state import ApiRecord, DeployedState
from fastlambda_cli.local.aws.deployed.uris import function_of
from fastlambda_cli.local.aws.function_names import FunctionReference
from fastlambda_cli.local.aws.functions import Functions
from fastlambda_cli.local.http.access_log import AccessLog
from fastlambda_cli.local.http.cors import Cors
from fastlambda_cli.local.http.formats import V1, V2, Payloads
from fastlambda_cli.local.http.payload import DEFAULT_STAGE, Gateway, Match
from fastlambda_cli.local.http.request import HttpRequest
from fastlambda_cli.local.http.response import Answer, message
from fastlambda_cli.local.http.routing import Route, TurnedAway, first_segment, matching
from fastlambda_cli.local.http.throttling import Throttle, stage_limits
from fastlambda_cli.local.model import LATEST, Notice, Sink

HOST = re.compile(r"(?P<api>[a-z0-9]+)\.execute-api(\.[a-z0-9-]+)?\.localhost(:\d{1,5})?", re.IGNORECASE)
_LOG_GROUP = re.compile(r"arn:[^:]+:logs:[^:]*:[^:]*:log-group:(?P<name>[^:]+)(:\*)?")
_NO_PERMISSION = (
    "The IAM role configured on the integration or API Gateway doesn't have permissions to call the integration. "
    "Check the permissions and try again."
)


class DeployedRoutes:
    """Finds the route of a request among those of the HTTP APIs that the emulator knows: a `Router`.

    What an HTTP API can do and this one does not is refused with 501 and told, never left out in silence: integrations
    with anything but Lambda.

    Args:
        state: What the emulator knows.
        functions: What can be invoked.
        authorizers: Who decides about requests.
        sink: Is told what is refused, once each.

    """

    def __init__(self, state: DeployedState, functions: Functions, authorizers: Authorizers, sink: Sink) -> None:
        self._state = state
        self._functions = functions
        self._authorizers = authorizers
        self._sink = sink
        self._throttle = Throttle()
        self._told: set[str] = set()

    async def __call__(self, request: HttpRequest) -> Route | TurnedAway | Answer:
        """Find the route, or say why there is none."""
        try:
            return await self._route(request)
        except FastLambdaError as problem:
            return message(503, "Service Unavailable", error=problem.in_one_line())

    async def _route(self, request: HttpRequest) -> Route | TurnedAway | Answer:
        host = HOST.fullmatch(request.header("host"))
        api_id = host["api"].lower() if host else ""
        record = await self._state.api(api_id)
        if record is None or record.api.get("disableExecuteApiEndpoint"):
            return message(404, "Not Found", error=f"there is no HTTP API {api_id}")
        stage = next((name for name in (first_segment(request), DEFAULT_STAGE) if name in record.stages), None)
        if stage is None:
            return message(404, "Not Found", error=f"the HTTP API {api_id} has no stage for this path")
        found = await self._in_stage(request, record, stage)
        turned_away = TurnedAway(found) if isinstance(found, Answer) else found
        return dataclasses.replace(turned_away, log=self._log(record, stage))

    async def _in_stage(self, request: HttpRequest, record: ApiRecord, stage: str) -> Route | TurnedAway | Answer:
        cors = Cors.from_api(record.api["corsConfiguration"]) if record.api.get("corsConfiguration") else None
        found = matching(request, stage, {route["routeKey"]: route for route in record.routes})
        preflight = cors.preflight(request) if cors else None
        # A route that matches OPTIONS, as `$default` does, has its authorizer asked before a preflight is answered
        # (API Gateway developer guide, "Configure CORS for HTTP APIs").
        if preflight and (found is None or (found[1].get("authorizationType") or "NONE") == "NONE"):
            return preflight
        if found is None:
            return message(404, "Not Found", error=f"the HTTP API {record.api['apiId']} has no route for this path")
        return await self._behind(record, stage, *found, cors)

    def _log(self, record: ApiRecord, stage: str) -> AccessLog | None:
        settings = record.stages[stage].get("accessLogSettings") or {}
        if not settings.get("format"):
            return None
        group = _LOG_GROUP.fullmatch(settings.get("destinationArn", ""))
        if group is None:
            self._tell(
                f"The stage {stage} of the HTTP API {record.api['apiId']} logs to no log group, and so nowhere here"
            )
            return None
        return AccessLog(_gateway(record, stage), group["name"], settings["format"])

    async def _behind(
        self, record: ApiRecord, stage: str, match: Match, route: Mapping[str, Any], cors: Cors | None
    ) -> Route | TurnedAway | Answer:
        api_id = record.api["apiId"]
        where = f"The route {match.route_key} of the HTTP API {record.api.get('name') or api_id}"
        integration = record.integrations.get(str(route.get("target", "")).removeprefix("integrations/"))
        if integration is None:
            return self._wrong(f"{where} has no integration")
        try:
            authorize = await self._authorizers.of(route, _gateway(record, stage), match)
            payloads = _payloads(integration)
        except UnservedError as problem:
            return self._unserved(f"{where} {problem}")
        reference = function_of(integration["integrationUri"])
        if reference is None:
            return self._wrong(f"{where} has an integration with {integration['integrationUri']}, which is no function")
        source = source_arn(api_id, stage, match.route_key)
        if not await self._may_invoke(reference, source):
            wrong = self._wrong(f"{where} may not invoke {reference.arn}: its policy has no permission for {source}")
            return TurnedAway(wrong, integration_error=_NO_PERMISSION)
        return Route(
            invoking(self._functions, reference),
            _gateway(record, stage),
            match,
            timeout_s=int(integration.get("timeoutInMillis") or 30_000) / 1000,
            cors=cors,
            authorize=authorize,
            admits=self._admitting(api_id, record.stages[stage], match.route_key),
            payloads=payloads,
        )

    def _admitting(self, api_id: str, stage: Mapping[str, Any], route_key: str) -> Callable[[], bool]:
        found = stage_limits(stage, route_key)
        if found is None:
            return lambda: True
        route, limits = found
        return lambda: self._throttle.admits((api_id, stage["stageName"], route), limits)

    async def _may_invoke(self, reference: FunctionReference, source: str) -> bool:
        if gateway_may_invoke(await self._state.policy(reference.name, reference.qualifier), source):
            return True
        # A function that only runs from a folder has no policy that anybody could add a permission to.
        return (
            self._functions.from_folder(reference) is not None
            and await self._state.function(reference.name, LATEST) is None
        )

    def _wrong(self, error: str) -> Answer:
        self._tell(f"{error}; API Gateway answers 500")
        return message(500, "Internal Server Error", error=error)

    def _unserved(self, error: str) -> Answer:
        self._tell(error)
        return message(501, f"Not Implemented: {error}", error=error)

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._sink(Notice(f"{text}.", warning=True))


def _gateway(record: ApiRecord, stage: str) -> Gateway:
    return Gateway(record.api["apiId"], stage, record.stages[stage].get("stageVariables") or {})


def _payloads(integration: Mapping[str, Any]) -> Payloads:
    kind = integration.get("integrationType")
    if kind != "AWS_PROXY" or integration.get("integrationSubtype"):
        raise UnservedError(f"has an integration of type {kind}, and the local AWS serves AWS_PROXY with a function")
    # Whoever makes an integration without the console has to name a version; the emulator does not insist.
    return V1 if integration.get("payloadFormatVersion") == "1.0" else V2
