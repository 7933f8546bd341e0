"""Lambda's Invoke for the functions that run here: AWS Lambda API Reference, "Invoke" and "InvokeAsync"."""

from __future__ import annotations

import base64
import binascii
import functools
import json
import re
import uuid
from collections.abc import Collection, Mapping
from typing import NamedTuple, NoReturn
from urllib.parse import parse_qs

from fastlambda_cli.local.aws.async_invocations import AsyncInvocations
from fastlambda_cli.local.aws.events import Destinations, TraceHeaders
from fastlambda_cli.local.aws.events.described import identifier_of, sender
from fastlambda_cli.local.aws.function_names import FunctionReference, parse_function_name
from fastlambda_cli.local.aws.functions import Functions
from fastlambda_cli.local.aws.invoke_errors import (
    InvokeError,
    bad_content,
    bad_parameter,
    denied,
    invalid_name,
    service_failure,
    throttled,
    too_large,
)
from fastlambda_cli.local.aws.invoke_streaming import KINDS, StreamedAnswer
from fastlambda_cli.local.aws.model import RetryPolicy
from fastlambda_cli.local.aws.permissions import DeniedError, Permissions
from fastlambda_cli.local.aws.proxy import ClientGoneError
from fastlambda_cli.local.model import Invocation, InvokeResult, Notice, RefusedError, Sink, ThrottledError
from fastlambda_cli.local.serve import AsgiApp, Receive, Scope, Send

_PATH = re.compile(r"/2015-03-31/functions/(?P<function>[^/]+)/invocations/?")
_INVOKE_ASYNC = re.compile(r"/2014-11-13/functions/(?P<function>[^/]+)/invoke-async/?")
_STREAMED = re.compile(r"/2021-11-15/functions/(?P<function>[^/]+)/response-streaming-invocations/?")
# AWS Lambda Developer Guide, "Lambda quotas": 6 MB synchronous, 1 MB asynchronous.
_LIMITS = {"RequestResponse": 6 * 1024 * 1024, "Event": 1024 * 1024, "DryRun": 6 * 1024 * 1024}
_LOG_TYPES = frozenset({"None", "Tail"})
_LOG_TAIL_BYTES = 4096
_HEADERS = {
    name.encode(): name
    for name in (
        "x-amz-invocation-type",
        "x-amz-log-type",
        "x-amzn-trace-id",
        "x-amz-client-context",
        "x-amz-tenant-id",
        "x-amz-durable-execution-name",
    )
}

Pairs = list[tuple[bytes, bytes]]


class _Request(NamedTuple):
    """What an Invoke request asks for, checked."""

    kind: str
    tail: bool
    invocation: Invocation


class InvokeApi:
    """An ASGI app that answers Invoke and hands everything else on.

    Args:
        functions: What can be invoked.
        otherwise: Answers every other request.
        permissions: Who may invoke.
        sink: Told of asynchronous invocations that are dropped and of failures of the local Lambda.
        retries: How asynchronous invocations are tried again.
        destinations: Where asynchronous invocations end; by default nowhere.
        traces: The tracing headers of what comes from topics and buses; by default none.

    """

    def __init__(
        self,
        functions: Functions,
        otherwise: AsgiApp,
        permissions: Permissions,
        sink: Sink,
        retries: RetryPolicy | None = None,
        destinations: Destinations | None = None,
        traces: TraceHeaders | None = None,
    ) -> None:
        self._functions = functions
        self._otherwise = otherwise
        self._permissions = permissions
        self._sink = sink
        self._destinations = destinations
        self._traces = traces
        self._in_background = AsyncInvocations(sink, retries or RetryPolicy())

    async def close(self) -> None:
        """Drop the asynchronous invocations that have not ended."""
        await self._in_background.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["path"] if scope["method"] == "POST" else ""
        try:
            if match := _PATH.fullmatch(path):
                await self._invoke(await self._asked(match["function"], scope), scope, receive, send)
            elif match := _INVOKE_ASYNC.fullmatch(path):
                await self._invoke_async(await self._asked(match["function"], scope), receive, send)
            elif match := _STREAMED.fullmatch(path):
                await self._invoke_streaming(await self._asked(match["function"], scope), scope, receive, send)
            else:
                await self._otherwise(scope, receive, send)
        except InvokeError as error:
            await _answer_error(send, error)
        except DeniedError as problem:
            await _answer_error(send, denied(str(problem)))
        except ClientGoneError:
            return

    async def _asked(self, name: str, scope: Scope) -> FunctionReference:
        """The function that a caller names, who may invoke it."""
        reference = _reference(name, scope)
        await self._permissions.check(scope, "lambda:InvokeFunction", reference.arn)
        return reference

    async def _invoke(self, reference: FunctionReference, scope: Scope, receive: Receive, send: Send) -> None:
        await self._functions.check(reference)
        request = await _read(scope, receive, reference)
        if request.kind == "DryRun":
            await self._functions.prepare(reference)
            await _answer(send, 204, _request_id(request.invocation.request_id), b"")
        elif request.kind == "Event":
            self._accept(reference, request.invocation._replace(source=sender(request.invocation.payload)))
            await _answer(send, 202, _request_id(request.invocation.request_id), b"")
        else:
            await self._invoke_now(reference, request, send)

    async def _invoke_now(self, reference: FunctionReference, request: _Request, send: Send) -> None:
        answered = False

        async def answer(result: InvokeResult) -> None:
            nonlocal answered
            answered = True
            await _answer(send, 200, result_headers(result, tail=request.tail), result.payload)

        # The end of the log is a part of the answer, and extensions may write it.
        invocation = request.invocation if request.tail else request.invocation._replace(early=answer)
        try:
            result = await self._run(reference, invocation)
        except InvokeError:
            if answered:
                return  # it is told already
            raise
        if not answered:
            await answer(result)

    async def _invoke_streaming(self, reference: FunctionReference, scope: Scope, receive: Receive, send: Send) -> None:
        await self._functions.check(reference)
        request = await _read(scope, receive, reference, KINDS)
        if request.kind == "DryRun":
            await self._functions.prepare(reference)
            await _answer(send, 204, _request_id(request.invocation.request_id), b"")
            return
        streamed = StreamedAnswer(request.invocation, send, tail=request.tail)
        await streamed.of(functools.partial(self._run, reference))

    async def _invoke_async(self, reference: FunctionReference, receive: Receive, send: Send) -> None:
        await self._functions.check(reference)
        payload = await _payload(receive, "Event")
        invocation = Invocation(payload=payload, invoked_arn=reference.arn, source=sender(payload))
        self._accept(reference, invocation)
        await _answer(send, 202, _request_id(invocation.request_id), b"")

    def _accept(self, reference: FunctionReference, invocation: Invocation) -> None:
        invoke = functools.partial(self._traced, reference)
        aftermath = self._destinations.of(reference, self._accept) if self._destinations else None
        self._in_background.accept(invoke, invocation, aftermath)

    async def _traced(self, reference: FunctionReference, invocation: Invocation) -> InvokeResult:
        identifier = identifier_of(invocation.payload)
        if self._traces is not None and invocation.trace_header is None and identifier is not None:
            invocation = invocation._replace(trace_header=await self._traces.of(identifier))
        return await self._functions.invoke(reference, invocation)

    async def _run(self, reference: FunctionReference, invocation: Invocation) -> InvokeResult:
        try:
            return await self._functions.invoke(reference, invocation)
        except RefusedError:
            raise
        except ThrottledError as problem:
            raise throttled(problem) from problem
        except Exception as problem:
            self._sink(Notice(f"Invoke {invocation.request_id} failed: {problem!r}", warning=True))
            raise service_failure(problem) from problem


def invoke_first(invoke_api: InvokeApi, otherwise: AsgiApp) -> AsgiApp:
    """Hand Invoke on at once, which is asked for most, and everything else to another app."""

    async def handing_on(scope: Scope, receive: Receive, send: Send) -> None:
        of_invoke = scope["method"] == "POST" and _PATH.fullmatch(scope["path"])
        await (invoke_api if of_invoke else otherwise)(scope, receive, send)

    return handing_on


def _reference(name: str, scope: Scope) -> FunctionReference:
    written = scope["query_string"]
    query = parse_qs(written.decode("latin-1")) if written else {}
    reference = parse_function_name(name, query.get("Qualifier", [None])[0])
    if reference is None:
        raise invalid_name(name)
    return reference


async def _read(
    scope: Scope, receive: Receive, reference: FunctionReference, kinds: Collection[str] = _LIMITS.keys()
) -> _Request:
    headers = {_HEADERS[name]: value.decode("latin-1") for name, value in scope["headers"] if name in _HEADERS}
    kind = _one_of(headers, "x-amz-invocation-type", "RequestResponse", kinds)
    log_type = _one_of(headers, "x-amz-log-type", "None", _LOG_TYPES)
    # Lambda Developer Guide, "Troubleshooting tenant isolation for Lambda functions"; no function here has tenants.
    if "x-amz-tenant-id" in headers:
        raise bad_parameter("The invoked function is not enabled with tenancy configuration: it takes no tenant ID.")
    if "x-amz-durable-execution-name" in headers:
        raise bad_parameter("The invoked function is not durable, and the local AWS runs no durable functions.")
    payload = await _payload(receive, kind)
    invocation = Invocation(
        payload=payload,
        trace_header=headers.get("x-amzn-trace-id"),
        client_context=_client_context(headers.get("x-amz-client-context")),
        invoked_arn=reference.arn,
    )
    return _Request(kind, log_type == "Tail", invocation)


def _one_of(headers: Mapping[str, str], name: str, default: str, allowed: Collection[str]) -> str:
    value = headers.get(name, default)
    if value not in allowed:
        raise bad_parameter(f"{name} is {value!r} and must be one of {', '.join(sorted(allowed))}")
    return value


async def _payload(receive: Receive, kind: str) -> bytes:
    limit = _LIMITS[kind]
    kept = bytearray()
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunk = message.get("body", b"")
        size += len(chunk)
        # An event that is too large is read to its end, or the client would never read the answer, but not kept.
        if size <= limit:
            kept += chunk
        more = message.get("more_body", False)
    if size > limit:
        raise too_large(size, kind, limit)
    if not kept:
        return b"{}"  # what a function gets from an Invoke without a payload
    check_json(kept)
    return bytes(kept)


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_decode = json.JSONDecoder(parse_constant=_not_json, parse_int=str, parse_float=str).decode


def check_json(payload: bytes | bytearray) -> None:
    """Check an event; raises InvokeError when it is not JSON."""
    try:
        _decode(payload.decode("utf-8"))
    except (ValueError, RecursionError) as problem:
        raise bad_content(f"Could not parse request body into json: {problem}") from problem


def _client_context(header: str | None) -> str | None:
    if header is None:
        return None
    try:
        text = base64.b64decode(header, validate=True).decode("utf-8")
        json.loads(text)
    except (binascii.Error, ValueError, RecursionError) as problem:
        raise bad_content("Client context must be a valid Base64-encoded JSON object.") from problem
    return text


def _request_id(request_id: str) -> Pairs:
    return [(b"x-amzn-requestid", request_id.encode())]


def result_headers(result: InvokeResult, *, tail: bool) -> Pairs:
    """The headers of an answer with a function's outcome; with the end of its log, where that is asked for."""
    headers = _request_id(result.request_id)
    headers.append((b"content-type", b"application/json"))
    headers.append((b"x-amz-executed-version", result.executed_version.encode()))
    if result.function_error is not None:
        headers.append((b"x-amz-function-error", result.function_error.encode()))
    if tail:
        headers.append((b"x-amz-log-result", base64.b64encode(result.log_tail[-_LOG_TAIL_BYTES:])))
    return headers


async def _answer_error(send: Send, error: InvokeError) -> None:
    headers = _request_id(str(uuid.uuid4()))
    headers += [(b"content-type", b"application/json"), (b"x-amzn-errortype", error.code.encode())]
    await _answer(send, error.status, headers, json.dumps(error.body).encode())


async def _answer(send: Send, status: int, headers: Pairs, body: bytes) -> None:
    if status != 204:  # noqa: PLR2004  No Content has no length
        headers = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
