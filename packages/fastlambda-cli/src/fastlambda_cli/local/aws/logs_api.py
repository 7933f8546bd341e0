"""CloudWatch Logs: what functions wrote is ours, all else the emulator's, and a reader sees one service.

The emulator keeps groups, their settings, and what clients put into streams. Its filter patterns match wrongly, so
events are always filtered here. Queries of Logs Insights and live tails are refused: it only pretends to run the
former, and offers the latter under a host name that SDKs do not reach.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx

from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.aws.json_bodies import answer_json, read_body, replayed
from fastlambda_cli.local.aws.logs_reading import (
    MOST_EVENTS,
    BadParameterError,
    as_filtered,
    described,
    events_of,
    filtered,
    group_arn,
    paged,
    streams_page,
)
from fastlambda_cli.local.aws.permissions import DeniedError, Permissions
from fastlambda_cli.local.aws.proxy import ClientGoneError
from fastlambda_cli.local.aws.source import Source
from fastlambda_cli.local.serve import AsgiApp, Receive, Scope, Send
from fastlambda_cli.local.telemetry.log_patterns import compiled
from fastlambda_cli.local.telemetry.logs import LogStore, between
from fastlambda_cli.local.telemetry.pattern_words import PatternError

_TARGET = b"Logs_20140328."
_REFUSED = {
    "StartQuery": "CloudWatch Logs Insights is not part of the local AWS: use FilterLogEvents.",
    "StartLiveTail": "The local AWS has no live tail: use `aws logs tail --follow`, which asks for FilterLogEvents.",
}


_MEMBERS: Mapping[str, type] = {
    **dict.fromkeys(("startTime", "endTime", "limit"), int),
    **dict.fromkeys(("logGroupNamePrefix", "logGroupNamePattern", "logStreamNamePrefix", "filterPattern"), str),
    "nextToken": str,
    "logStreamNames": list,
}
"""The types of what is read here."""


class _RefusedError(Exception):
    """The emulator's refusal, as it is to be passed on."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body


class LogsApi:
    """An ASGI app that answers what concerns functions' lines and hands everything else on.

    Args:
        logs: What functions wrote.
        source: The emulator.
        permissions: Who may ask.
        otherwise: Answers every other request.

    """

    def __init__(self, logs: LogStore, source: Source, permissions: Permissions, otherwise: AsgiApp) -> None:
        self._logs = logs
        self._source = source
        self._permissions = permissions
        self._otherwise = otherwise
        self._operations: Mapping[str, Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any] | None]]] = {
            "DescribeLogGroups": self._describe_log_groups,
            "DescribeLogStreams": self._describe_log_streams,
            "FilterLogEvents": self._filter_log_events,
            "GetLogEvents": self._get_log_events,
            "DeleteLogGroup": self._delete_log_group,
            "DeleteLogStream": self._delete_log_stream,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        target = next((value for name, value in scope["headers"] if name == b"x-amz-target"), b"")
        if not target.startswith(_TARGET):
            await self._otherwise(scope, receive, send)
            return
        operation = target.removeprefix(_TARGET).decode("latin-1")
        try:
            body = await read_body(receive)
            request = _object(body)
            if operation in self._operations:
                await self._permissions.check(scope, f"logs:{operation}", _resource(request))
            answer = await self._answer(operation, request)
        except (BadParameterError, PatternError) as problem:
            await _refuse(send, "InvalidParameterException", str(problem))
        except _RefusedError as refused:
            await answer_json(send, refused.body, status=refused.status)
        except DeniedError as problem:
            await _refuse(send, "AccessDeniedException", str(problem))
        except EmulatorError as problem:
            await _refuse(send, "ServiceUnavailableException", str(problem), status=503)
        except ClientGoneError:
            return
        else:
            if answer is None:
                await self._otherwise(scope, replayed(body, receive), send)
            else:
                await answer_json(send, answer)

    async def _answer(self, operation: str, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The answer; None where it is the emulator's."""
        if operation in _REFUSED:
            raise BadParameterError(_REFUSED[operation])
        if operation in self._operations:
            return await self._operations[operation](request)
        if operation != "CreateLogGroup" and _group(request) in self._logs.groups():
            # A group that only functions wrote into gets its settings, streams and filters there.
            await self._asked("CreateLogGroup", {"logGroupName": _group(request)}, but="ResourceAlreadyExistsException")
        return None

    async def _describe_log_groups(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        wanted = {key: value for key, value in request.items() if key not in {"limit", "nextToken"}}
        found = await self._all("DescribeLogGroups", wanted, "logGroups")
        known = {each["logGroupName"] for each in found}
        prefix, part = request.get("logGroupNamePrefix") or "", (request.get("logGroupNamePattern") or "").lower()
        for name in self._logs.groups():
            if name not in known and name.startswith(prefix) and part in name.lower():
                found.append(self._described_group(name))
        found.sort(key=lambda each: str(each["logGroupName"]))
        return paged("logGroups", found, request)

    def _described_group(self, name: str) -> Mapping[str, Any]:
        streams = self._logs.streams(name)
        return {
            "logGroupName": name,
            "arn": f"{group_arn(name)}:*",
            "logGroupArn": group_arn(name),
            "creationTime": min((stream.created_at for stream in streams), default=0),
            "storedBytes": sum(len(event.message) for stream in streams for event in stream.events),
            "metricFilterCount": 0,
            "logGroupClass": "STANDARD",
        }

    async def _describe_log_streams(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        group = _group(request)
        elsewhere = await self._all("DescribeLogStreams", {"logGroupName": group}, "logStreams", of=group)
        return streams_page([*map(described, self._logs.streams(group)), *elsewhere], request)

    async def _filter_log_events(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        group = _group(request)
        matches = compiled(request.get("filterPattern") or "")
        names, prefix = request.get("logStreamNames"), request.get("logStreamNamePrefix") or ""
        start, end = request.get("startTime"), request.get("endTime")
        events = [
            as_filtered(stream, event) for stream in self._logs.streams(group) for event in between(stream, start, end)
        ]
        events += await self._events_elsewhere(group, start, end)
        events = [
            event
            for event in events
            if event["logStreamName"].startswith(prefix) and (not names or event["logStreamName"] in names)
        ]
        page, token = filtered(events, matches, request)
        answer: dict[str, Any] = {"events": page, "searchedLogStreams": []}
        return answer | ({"nextToken": token} if token else {})

    async def _events_elsewhere(self, group: str, start: int | None, end: int | None) -> list[Mapping[str, Any]]:
        """The events that clients put into a group, which the emulator hands out without pages."""
        found: dict[str, Mapping[str, Any]] = {}
        while True:
            bounds = {"startTime": start, "endTime": end}
            request = {"logGroupName": group} | {name: time for name, time in bounds.items() if time is not None}
            events = (await self._of(group, "FilterLogEvents", request) or {"events": []})["events"]
            known = len(found)
            found |= {event["eventId"]: event for event in events}
            if len(events) < MOST_EVENTS or len(found) == known:
                return list(found.values())
            start = events[-1]["timestamp"]

    async def _get_log_events(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        group = _group(request)
        stream = self._logs.stream(group, str(request.get("logStreamName")))
        if stream is not None:
            return events_of(stream, request)
        elsewhere = await self._of(group, "GetLogEvents", request)
        if elsewhere is None:
            missing = {"__type": "ResourceNotFoundException", "message": "The specified log stream does not exist."}
            raise _RefusedError(400, missing)
        return elsewhere

    async def _delete_log_group(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        group = _group(request)
        await self._of(group, "DeleteLogGroup", {"logGroupName": group})
        self._logs.delete_group(group)
        return {}

    async def _delete_log_stream(self, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        group, stream = _group(request), str(request.get("logStreamName"))
        if self._logs.stream(group, stream) is None:
            return None
        self._logs.delete_stream(group, stream)
        return {}

    async def _all(
        self, operation: str, request: Mapping[str, Any], member: str, *, of: str | None = None
    ) -> list[Mapping[str, Any]]:
        """Every page of an operation of the emulator's."""
        found: list[Mapping[str, Any]] = []
        token: dict[str, Any] = {}
        while True:
            whole = {**request, **token}
            page = await (self._asked(operation, whole) if of is None else self._of(of, operation, whole))
            found += (page or {}).get(member, ())
            if not page or not page.get("nextToken"):
                return found
            token = {"nextToken": page["nextToken"]}

    async def _of(self, group: str, operation: str, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Ask about a group; None when the emulator does not know it and functions wrote into it."""
        but = "ResourceNotFoundException" if group in self._logs.groups() else None
        return await self._asked(operation, request, but=but)

    async def _asked(
        self, operation: str, request: Mapping[str, Any], *, but: str | None = None
    ) -> Mapping[str, Any] | None:
        """Ask the emulator; None when it answers with the error `but`.

        Raises:
            _RefusedError: It answers with another error.
            EmulatorError: It does not answer.

        """
        await self._source.available()
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"Logs_20140328.{operation}"}
        async with self._source.client() as client:
            try:
                response = await client.post("/", content=json.dumps(request), headers=headers)
            except httpx.TransportError as problem:
                why = str(problem) or type(problem).__name__
                raise EmulatorError(
                    f"The emulator did not answer {operation}", why=why, remedy="Try again."
                ) from problem
        answer: Mapping[str, Any] = response.json() if response.content else {}
        if response.is_success:
            return answer
        if but is not None and str(answer.get("__type", "")).rpartition("#")[2] == but:
            return None
        raise _RefusedError(response.status_code, answer)


def _group(request: Mapping[str, Any]) -> str:
    """The log group's name, which may be in an ARN."""
    name = request.get("logGroupName") or request.get("logGroupIdentifier") or ""
    return str(name).rpartition(":log-group:")[2].removesuffix(":*")


def _resource(request: Mapping[str, Any]) -> str:
    """What an operation needs its permission for, as CloudWatch Logs names it when it refuses."""
    return f"{group_arn(_group(request))}:log-stream:{request.get('logStreamName') or ''}"


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        request = json.loads(body or b"{}")
    except (ValueError, RecursionError) as problem:
        raise BadParameterError(f"The request is not JSON: {problem}") from problem
    if not isinstance(request, dict):
        raise BadParameterError("The request is not a JSON object.")
    for name, kind in _MEMBERS.items():
        if request.get(name) is not None and not isinstance(request[name], kind):
            raise BadParameterError(f"{name} is not what it should be.")
    if (request.get("limit") or 1) < 1:
        raise BadParameterError("limit is less than 1.")
    return request


async def _refuse(send: Send, code: str, message: str, *, status: int = 400) -> None:
    await answer_json(send, {"__type": code, "message": message}, status=status, error=code)
