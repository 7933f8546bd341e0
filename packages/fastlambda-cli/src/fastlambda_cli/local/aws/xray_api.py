"""X-Ray's API for the traces of this session: AWS X-Ray API Reference."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from fastlambda_cli.local.aws.deployed.signing import signed_for
from fastlambda_cli.local.aws.json_bodies import answer_json, read_body
from fastlambda_cli.local.aws.permissions import DeniedError, Permissions
from fastlambda_cli.local.aws.proxy import ClientGoneError
from fastlambda_cli.local.model import Sink, TraceSegment
from fastlambda_cli.local.serve import AsgiApp, Receive, Scope, Send
from fastlambda_cli.local.telemetry.filter_expressions import FilterExpressionError, parse
from fastlambda_cli.local.telemetry.segments import TRACE_ID, defect
from fastlambda_cli.local.telemetry.summaries import summary
from fastlambda_cli.local.telemetry.traces import Trace, TraceStore

_PAGE = 100
_MOST_IDS = 5
"""BatchGetTraces takes no more at once."""


class InvalidRequestError(ValueError):
    """X-Ray's InvalidRequestException."""


class XrayApi:
    """An ASGI app that answers X-Ray's operations and hands everything else on.

    Args:
        traces: What is known.
        sink: Takes the segments that clients send.
        permissions: Who may ask.
        otherwise: Answers every other request.

    """

    def __init__(self, traces: TraceStore, sink: Sink, permissions: Permissions, otherwise: AsgiApp) -> None:
        self._traces = traces
        self._sink = sink
        self._permissions = permissions
        self._otherwise = otherwise
        self._operations = {
            "/TraceSegments": ("xray:PutTraceSegments", self._put_trace_segments),
            "/TraceSummaries": ("xray:GetTraceSummaries", self._get_trace_summaries),
            "/Traces": ("xray:BatchGetTraces", self._batch_get_traces),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        action, operation = self._operations.get(scope["path"] if scope["method"] == "POST" else "", (None, None))
        if operation is None and signed_for(scope) != b"xray":
            await self._otherwise(scope, receive, send)
            return
        try:
            body = await read_body(receive)
            if action is not None:
                await self._permissions.check(scope, action, "*")
            await answer_json(send, (operation or _refuse(scope))(_object(body)))
        except InvalidRequestError as problem:
            await answer_json(send, {"Message": str(problem)}, status=400, error="InvalidRequestException")
        except DeniedError as problem:
            await answer_json(send, {"Message": str(problem)}, status=403, error="AccessDeniedException")
        except ClientGoneError:
            return

    def _put_trace_segments(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        documents = _member(request, "TraceSegmentDocuments", list)
        unprocessed = []
        for text in documents:
            document, problem = _document(text)
            if problem is None:
                self._sink(TraceSegment(document))
                continue
            refused = {"ErrorCode": problem, "Message": f"Invalid segment. ErrorCode: {problem}"}
            unprocessed.append(refused | ({"Id": document["id"]} if isinstance(document.get("id"), str) else {}))
        return {"UnprocessedTraceSegments": unprocessed}

    def _get_trace_summaries(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        began, ended = (_member(request, name, int | float) for name in ("StartTime", "EndTime"))
        if began > ended:
            raise InvalidRequestError("StartTime is later than EndTime.")
        try:
            wanted = parse(_member(request, "FilterExpression", str)) if request.get("FilterExpression") else _every
        except FilterExpressionError as problem:
            raise InvalidRequestError(str(problem)) from problem
        by_id = request.get("TimeRangeType", "TraceId") == "TraceId"
        found = []
        for trace_id in self._traces.ids():
            second = int(trace_id[2:10], 16)
            if by_id and not (began < second + 1 and second <= ended):
                continue
            trace = self._traces.get(trace_id)
            if trace is not None and (by_id or began <= trace.ended_at <= ended) and wanted(trace):
                found.append(trace)
        start = _offset(request)
        answer = {
            "TraceSummaries": [summary(trace) for trace in found[start : start + _PAGE]],
            "ApproximateTime": ended,
            "TracesProcessedCount": len(found),
        }
        return answer | ({"NextToken": str(start + _PAGE)} if len(found) > start + _PAGE else {})

    def _batch_get_traces(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        ids = _member(request, "TraceIds", list)
        if len(ids) > _MOST_IDS:
            raise InvalidRequestError(f"BatchGetTraces takes {_MOST_IDS} trace ids at most.")
        if not all(isinstance(each, str) and TRACE_ID.fullmatch(each) for each in ids):
            raise InvalidRequestError("A trace id is not valid.")
        found = [trace for each in ids if (trace := self._traces.get(each)) is not None]
        return {"Traces": [_full(trace) for trace in found], "UnprocessedTraceIds": []}


def _refuse(scope: Scope) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    def refuse(_: Mapping[str, Any]) -> NoReturn:
        raise InvalidRequestError(
            "The local X-Ray serves PutTraceSegments, GetTraceSummaries and BatchGetTraces, "
            f"and not {scope['method']} {scope['path']}."
        )

    return refuse


def _every(_: Trace) -> bool:
    return True


def _full(trace: Trace) -> dict[str, Any]:
    return {
        "Id": trace.id,
        "Duration": round(trace.ended_at - trace.began_at, 3),
        "LimitExceeded": trace.limit_exceeded,
        "Segments": [{"Id": each["id"], "Document": json.dumps(each)} for each in trace.segments],
    }


def _document(text: object) -> tuple[dict[str, Any], str | None]:
    """A segment document that a client sent, and the code for what is wrong with it."""
    try:
        document = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return {}, "ParseError"
    if not isinstance(document, dict):
        return {}, "ParseError"
    return document, defect(document)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        request = json.loads(body or b"{}")
    except (ValueError, RecursionError) as problem:
        raise InvalidRequestError(f"The request is not JSON: {problem}") from problem
    if not isinstance(request, dict):
        raise InvalidRequestError("The request is not a JSON object.")
    return request


def _member(request: Mapping[str, Any], name: str, kind: Any) -> Any:
    value = request.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise InvalidRequestError(f"{name} is missing, or not what it should be.")
    return value


def _offset(request: Mapping[str, Any]) -> int:
    token = request.get("NextToken") or "0"
    if not isinstance(token, str) or not token.isdigit():
        raise InvalidRequestError("NextToken is not valid.")
    return int(token)
