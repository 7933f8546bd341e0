"""What travels between the rooms of the local cloud: invocations, their results, and telemetry.

Of what is in every event's time nearly all is a tuple: a frozen dataclass takes four times as long to make.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeAlias

if TYPE_CHECKING:
    from fastlambda_cli.local.streaming import ResponseStream

ACCOUNT_ID = "000000000000"
"""The account that everything local lives in; it cannot be mistaken for a real one."""

REGION = "us-east-1"


def local_arn(service: str, rest: str) -> str:
    """An ARN of something local."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT_ID}:{rest}"


LATEST = "$LATEST"
"""The version of a function that is not published and still changes."""


class Trace(NamedTuple):
    """An invocation's place in an X-Ray trace.

    Attributes:
        root: The trace's id.
        parent: The caller's segment; None when it told none.
        segment: What the function is told as its parent: the segment that Lambda itself sends for it, or the caller's.
        sampled: Whether the function's own segments are wanted.
        recorded: Whether Lambda itself sends segments.

    """

    root: str
    parent: str | None
    segment: str
    sampled: bool
    recorded: bool

    @property
    def header(self) -> str:
        """The function's `_X_AMZN_TRACE_ID` (AWS X-Ray Developer Guide, "Tracing header")."""
        return f"Root={self.root};Parent={self.segment};Sampled={int(self.sampled)}"


class _Invocation(NamedTuple):
    payload: bytes
    request_id: str
    trace_header: str | None
    client_context: str | None
    invoked_arn: str | None
    source: str
    accepted_at: float
    early: Callable[[InvokeResult], Awaitable[None]] | None
    stream: ResponseStream | None


class Invocation(_Invocation):
    """One synchronous call of the function.

    Attributes:
        payload: The event, as JSON text.
        request_id: What Lambda calls the AWS request id: it is on every log line and in the answer; a new one unless
            it is given.
        trace_header: The value of `X-Amzn-Trace-Id` (Root, Parent, Sampled) for the function; None makes one.
        client_context: The caller's client context as JSON text, already base64-decoded.
        invoked_arn: The ARN the caller used, qualifier included; None means the function's own.
        source: Who invoked: "http" for the HTTP API, "invoke" for an SDK; for an event source a word and more about it,
            such as "sqs book-imports 10 records".
        accepted_at: When Lambda took the event, in seconds of the epoch: now, unless it is given.
        early: Is awaited with the function's answer where extensions take long after it; its log is not whole then.
        stream: Where a runtime that streams puts its answer; None where it is wanted whole.

    """

    __slots__ = ()

    def __new__(  # noqa: PLR0913 - each is an attribute
        cls,
        payload: bytes,
        *,
        request_id: str | None = None,
        trace_header: str | None = None,
        client_context: str | None = None,
        invoked_arn: str | None = None,
        source: str = "invoke",
        accepted_at: float | None = None,
        early: Callable[[InvokeResult], Awaitable[None]] | None = None,
        stream: ResponseStream | None = None,
    ) -> Self:
        """Make one; see the attributes."""
        request_id, accepted_at = request_id or str(uuid.uuid4()), accepted_at or time.time()
        return super().__new__(
            cls, payload, request_id, trace_header, client_context, invoked_arn, source, accepted_at, early, stream
        )


class InvokeResult(NamedTuple):
    """What Invoke answers: HTTP 200 even when the function failed, as on Lambda.

    Attributes:
        payload: The function's answer, or the error record when `function_error` is set.
        request_id: The invocation's request id.
        function_error: "Unhandled" when the function failed, else None.
        log_tail: The last 4 KB of the invocation's log.
        executed_version: The version that ran, also where an alias was invoked.
        cold: True when the event waited for an execution environment's INIT.

    """

    payload: bytes
    request_id: str
    function_error: str | None = None
    log_tail: bytes = b""
    executed_version: str = LATEST
    cold: bool = False


class ThrottleReason(StrEnum):
    """Why Lambda throttles (AWS Lambda API Reference, "TooManyRequestsException")."""

    ACCOUNT = "ConcurrentInvocationLimitExceeded"
    RESERVED = "ReservedFunctionConcurrentInvocationLimitExceeded"


class ThrottledError(Exception):
    """No execution environment was free and no more may be started: Lambda's 429."""

    def __init__(self, reason: ThrottleReason = ThrottleReason.ACCOUNT) -> None:
        super().__init__("Rate Exceeded.")
        self.reason = reason


class RefusedError(Exception):
    """Lambda does not even begin the invocation: there is no such function, or its code cannot be used."""


Invoke: TypeAlias = Callable[[Invocation], Awaitable[InvokeResult]]
"""Runs one invocation; raises ThrottledError and RefusedError."""


class Status(StrEnum):
    """How an INIT or an invocation ended, in the platform's words."""

    SUCCESS = "success"
    ERROR = "error"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class InitStarted:
    """An execution environment was spawned.

    Attributes:
        environment: Names it for people: 1, 2, 3, in the order of all functions of this local cloud.
        runtime: Such as python3.13.
        function: The function's name.
        version: The version of the function that it runs; "$LATEST" also stands for a folder's code.
        log_group: Where CloudWatch Logs keeps what it writes.
        log_stream: Its own stream there.

    """

    environment: int
    runtime: str
    function: str = ""
    version: str = LATEST
    log_group: str = ""
    log_stream: str = ""


@dataclass(frozen=True, slots=True)
class InitEnded:
    """INIT is over: `duration_ms` from spawn to the first `/next`, or to the failure; of which function."""

    environment: int
    duration_ms: float
    status: Status
    error: Mapping[str, Any] | None = None
    function: str = ""


class InvocationStarted(NamedTuple):
    """The platform's START line."""

    environment: int
    request_id: str


class LogLine(NamedTuple):
    """One line or frame the function wrote.

    Attributes:
        request_id: The invocation during which it was written; None during INIT and shutdown.
        text: The line, without its line break.
        fields: The line as an object when it is one JSON object, else None.

    """

    environment: int
    request_id: str | None
    text: str
    fields: Mapping[str, Any] | None = None


class PlatformLine(NamedTuple):
    """One line that Lambda itself writes into the function's log, such as START, END and REPORT.

    Attributes:
        request_id: The invocation that it is about; None for INIT.
        text: The line, without its line break.

    """

    environment: int
    request_id: str | None
    text: str


@dataclass(frozen=True, slots=True)
class MetricRecord:
    """An EMF line: `document` is the whole object, `_aws` included, and `text` the line itself."""

    environment: int
    request_id: str | None
    document: Mapping[str, Any]
    text: str


@dataclass(frozen=True, slots=True)
class TraceSegment:
    """One X-Ray (sub)segment document, as the function's SDK sent it over UDP."""

    document: Mapping[str, Any]


class InvocationTraced(NamedTuple):
    """An invocation of which Lambda itself sends segments to X-Ray; times in seconds of the epoch.

    Attributes:
        function_arn: The function's unqualified ARN.
        invoked_arn: The ARN that the caller used, qualifier included.
        environment: Where it ran; None when it met no environment that was up.
        cold: Whether it waited for the environment's INIT.
        accepted_at: When Lambda took the event.
        began_at: When an environment got it.
        ended_at: When its outcome was known.
        error: The function's error as an object, when it failed.

    """

    trace: Trace
    request_id: str
    function_arn: str
    invoked_arn: str
    environment: int | None
    cold: bool
    accepted_at: float
    began_at: float
    ended_at: float
    error: Mapping[str, Any] | None = None


class InvocationReported(NamedTuple):
    """The platform's REPORT line; times in milliseconds, memory in MB.

    `init_duration_ms` is set when this event paid for the INIT; `error_type` when the invocation failed. `function` is
    the name of the one that was invoked.
    """

    environment: int
    request_id: str
    duration_ms: float
    billed_ms: int
    memory_size_mb: int
    max_memory_used_mb: int
    status: Status
    init_duration_ms: float | None = None
    error_type: str | None = None
    trace_id: str | None = None
    source: str = "invoke"
    function: str = ""

    def line(self) -> str:
        """The line as CloudWatch Logs shows it, tab-separated, Init Duration last."""
        parts = [
            f"REPORT RequestId: {self.request_id}",
            f"Duration: {self.duration_ms:.2f} ms",
            f"Billed Duration: {self.billed_ms} ms",
            f"Memory Size: {self.memory_size_mb} MB",
            f"Max Memory Used: {self.max_memory_used_mb} MB",
        ]
        if self.init_duration_ms is not None:
            parts.append(f"Init Duration: {self.init_duration_ms:.2f} ms")
        if self.status is Status.TIMEOUT:
            parts.append("Status: timeout")
        elif self.status is Status.ERROR:
            parts.append("Status: error")
            parts.append(f"Error Type: {self.error_type}")
        return "\t".join(parts) + "\t"


@dataclass(frozen=True, slots=True)
class HttpExchange:
    """One request at the HTTP API, after its answer left.

    Attributes:
        path: The path as the client sent it, query string excluded.
        status: The HTTP status the client got.
        duration_ms: From the last byte of the request to the last byte of the answer.
        request_id: The Lambda request id; None when the function was never called.
        api_request_id: The gateway's own request id, in `requestContext.requestId` and `apigw-requestid`.
        error: Why the gateway answered by itself (throttled, timed out, too large), else None.
        running: True when the function still ran then, for a client that was gone or had waited too long.
        api_id: The API's id; None when the request reached no route.
        stage: The API's stage.
        integration_ms: How long the gateway waited for the function; None when it did not call it.
        url_of: Whose function URL was asked, such as `books:live`; None for an HTTP API.

    """

    method: str
    path: str
    status: int
    duration_ms: float
    api_request_id: str
    request_id: str | None = None
    cold: bool = False
    error: str | None = None
    running: bool = False
    api_id: str | None = None
    stage: str = ""
    integration_ms: float | None = None
    url_of: str | None = None


@dataclass(frozen=True, slots=True)
class AccessLine:
    """A line in the access log of an HTTP API's stage.

    Attributes:
        log_group: Where CloudWatch Logs keeps it.
        log_stream: Its stream there.

    """

    log_group: str
    log_stream: str
    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the local cloud itself has to say, such as a restart of the emulator."""

    text: str
    warning: bool = False


TelemetryEvent: TypeAlias = (
    InitStarted
    | InitEnded
    | InvocationStarted
    | LogLine
    | PlatformLine
    | MetricRecord
    | TraceSegment
    | InvocationTraced
    | InvocationReported
    | HttpExchange
    | AccessLine
    | Notice
)

Sink: TypeAlias = Callable[[TelemetryEvent], None]
