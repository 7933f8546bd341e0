"""A Lambda authorizer: API Gateway developer guide, "Control access to HTTP APIs with AWS Lambda authorizers"."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastlambda_cli.local.failures import error_message
from fastlambda_cli.local.http import payload, payload_v1
from fastlambda_cli.local.http.authorizing import Authorized, Refused, selected
from fastlambda_cli.local.http.payload import Gateway, Match
from fastlambda_cli.local.http.request import HttpRequest
from fastlambda_cli.local.http.response import message
from fastlambda_cli.local.model import Invocation, Invoke, RefusedError, ThrottledError

TIMEOUT_S = 10.0
"""How long API Gateway waits for an authorizer (developer guide, "Quotas for HTTP APIs")."""

_MOST_KEPT = 1_000
_ACTION = "execute-api:Invoke"
_ROUTE_KEY = "$context.routeKey"
_STAGE_VARIABLES = "$stageVariables."


class AuthorizerError(Exception):
    """An authorizer cannot be asked, or answers what is none; its text is for the log."""


class Verdicts:
    """What authorizers have said, for as long as it holds.

    Args:
        clock: Seconds.

    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[object, tuple[float, Any]] = {}

    def recall(self, question: object) -> Any:
        """Return what was said; None when nothing holds any more."""
        until, verdict = self._kept.get(question, (0.0, None))
        return verdict if self._clock() < until else None

    def keep(self, question: object, verdict: Any, seconds: float) -> None:
        """Keep what was said; the oldest is forgotten when there is too much."""
        self._kept.pop(question, None)
        self._kept[question] = (self._clock() + seconds, verdict)
        if len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]


@dataclass(frozen=True, slots=True)
class LambdaAuthorizer:
    """Lets a function decide: an `Authorize`.

    Attributes:
        authorizer_id: The authorizer's.
        invoke: Runs the function.
        gateway: The API and its stage.
        match: The route.
        verdicts: What was said before.
        sources: Where there has to be something that says who asks.
        keeps_s: How long a verdict holds for the same values of the sources.
        version: The payload format, 1.0 or 2.0.
        simple: Whether the function says yes or no, and no policy.

    """

    authorizer_id: str
    invoke: Invoke
    gateway: Gateway
    match: Match
    verdicts: Verdicts = field(default_factory=Verdicts)
    sources: tuple[str, ...] = ()
    keeps_s: float = 0.0
    version: str = "2.0"
    simple: bool = False

    async def __call__(self, request: HttpRequest, request_id: str) -> Authorized | Refused:
        """Ask the function, or remember what it said."""
        identity = tuple(self._selected(request, source) for source in self.sources)
        if None in identity:
            missing = self.sources[identity.index(None)]
            return _refused(401, "Unauthorized", "missing: identity source", f"the request has no {missing}")
        question = (self.authorizer_id, identity)
        verdict = self.verdicts.recall(question) if identity else None
        try:
            if verdict is None:
                verdict = await self._ask(request, request_id, [str(each) for each in identity])
                if identity and self.keeps_s:
                    self.verdicts.keep(question, verdict, self.keeps_s)
            allowed = _says_yes(verdict) if self.simple else _allows(verdict, self._arn(request))
        except AuthorizerError as problem:
            return _refused(500, "Internal Server Error", str(problem), str(problem))
        if not allowed:
            return _refused(403, "Forbidden", "the authorizer denies the request", "the function says no")
        context = verdict.get("context") or {}
        return Authorized({"lambda": context}, verdict.get("principalId"))

    def _selected(self, request: HttpRequest, source: str) -> str | None:
        if source == _ROUTE_KEY:
            return self.match.route_key
        if source.startswith(_STAGE_VARIABLES):
            return self.gateway.stage_variables.get(source.removeprefix(_STAGE_VARIABLES))
        return selected(request, source)

    def _arn(self, request: HttpRequest) -> str:
        stage = "" if self.gateway.stage == payload.DEFAULT_STAGE else f"/{self.gateway.stage}"
        return f"{self.gateway.arn}/{request.method}{request.path.removeprefix(stage)}"

    async def _ask(self, request: HttpRequest, request_id: str, identity: list[str]) -> dict[str, Any]:
        given = payload.received(request, b"", request_id, time.time())
        event = (_event_v1 if self.version == "1.0" else _event_v2)(given, self, identity, self._arn(request))
        encoded = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                result = await self.invoke(Invocation(encoded, trace_header=given.trace))
        except TimeoutError as problem:
            raise AuthorizerError(f"no answer within {TIMEOUT_S:g} s") from problem
        except (ThrottledError, RefusedError) as problem:
            raise AuthorizerError(f"Lambda refused the invocation: {problem}") from problem
        if result.function_error:
            raise AuthorizerError(f"the function failed: {error_message(result.payload)}")
        try:
            verdict = json.loads(result.payload)
        except ValueError as problem:
            raise AuthorizerError("the function's answer is no JSON") from problem
        if not isinstance(verdict, dict):
            raise AuthorizerError(f"the function's answer is no object: {verdict!r}")
        return verdict


def _event_v2(given: payload.Received, asked: LambdaAuthorizer, identity: list[str], arn: str) -> dict[str, Any]:
    made = payload.event(given, gateway=asked.gateway, match=asked.match)
    kept = {name: value for name, value in made.items() if name not in {"version", "isBase64Encoded"}}
    return {"version": "2.0", "type": "REQUEST", "routeArn": arn, "identitySource": identity, **kept}


def _event_v1(given: payload.Received, asked: LambdaAuthorizer, identity: list[str], arn: str) -> dict[str, Any]:
    made = payload_v1.event(given, gateway=asked.gateway, match=asked.match)
    left_out = {"version", "body", "isBase64Encoded", "multiValueHeaders", "multiValueQueryStringParameters"}
    source = ",".join(identity)
    return {
        "version": "1.0",
        "type": "REQUEST",
        "methodArn": arn,
        "identitySource": source,
        "authorizationToken": source,
        **{name: value for name, value in made.items() if name not in left_out},
    }


def _says_yes(verdict: Mapping[str, Any]) -> bool:
    said = verdict.get("isAuthorized")
    if not isinstance(said, bool):
        raise AuthorizerError(f"isAuthorized of the function's answer is neither true nor false but {said!r}")
    return said


def _allows(verdict: Mapping[str, Any], arn: str) -> bool:
    """Whether an IAM policy allows to invoke a route; what denies has precedence."""
    policy = verdict.get("policyDocument")
    statements = policy.get("Statement") if isinstance(policy, Mapping) else None
    if not isinstance(statements, list):
        raise AuthorizerError("the function's answer has no policyDocument with statements")
    about = [each for each in statements if _is_about(each, arn)]
    if any("Condition" in each for each in about):
        raise AuthorizerError("the policy has a Condition, and the local AWS evaluates none")
    effects = {each.get("Effect") for each in about}
    return "Allow" in effects and "Deny" not in effects


def _is_about(statement: Any, arn: str) -> bool:
    if not isinstance(statement, Mapping):
        raise AuthorizerError(f"a statement of the policy is no object: {statement!r}")
    actions, resources = (_listed(statement.get(key)) for key in ("Action", "Resource"))
    return any(_like(_ACTION, each, re.IGNORECASE) for each in actions) and any(_like(arn, each) for each in resources)


def _listed(value: Any) -> list[str]:
    return [str(each) for each in (value if isinstance(value, list) else [value])]


def _like(text: str, pattern: str, flags: int = 0) -> bool:
    """Compare as IAM does: `*` is any text and `?` any character."""
    wanted = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(wanted, text, flags | re.DOTALL) is not None


def _refused(status: int, text: str, reason: str, why: str) -> Refused:
    return Refused(message(status, text, error=f"the Lambda authorizer refuses the request: {why}"), reason)
