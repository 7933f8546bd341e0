"""What Lambda itself writes into a function's log, as text or as JSON records.

AWS Lambda Developer Guide: "Viewing CloudWatch logs for Lambda functions" and "Understanding the Lambda execution
environment lifecycle" for the text, "Lambda Telemetry API Event schema reference" for the records, and "Configuring
advanced logging controls for Lambda functions" for the level of each.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import Any

from fastlambda_cli.local.function.spec import PROVISIONED, FunctionSpec
from fastlambda_cli.local.model import InvocationReported, Status, Trace

_quoted = json.encoder.encode_basestring_ascii
"""A text in JSON. The records of every event are put together from such, in a quarter of an encoder's time."""


class InitPhase(StrEnum):
    """Where an INIT ran: ahead of the events, or inside one because an earlier one failed."""

    INIT = "init"
    INVOKE = "invoke"


class Level(IntEnum):
    """The system log levels, which only the JSON format knows."""

    DEBUG = 10
    INFO = 20
    WARN = 30


class PlatformLog:
    """The platform's lines of one environment.

    Args:
        spec: Has the format and the level.
        write: Takes each line, without its line break, and the request id of the event that it is about.

    """

    def __init__(self, spec: FunctionSpec, write: Callable[[str, str | None], None]) -> None:
        self._spec = spec
        self._write = write
        self._json = spec.log_format == "JSON"
        self._lowest = Level[spec.system_log_level]
        # Of every event: a comparison of levels takes as long as the making of half a line.
        self._tells_events = self._lowest <= Level.INFO
        self._tells_failures = self._lowest <= Level.WARN
        self._tells_details = self._lowest <= Level.DEBUG

    def init_start(self, phase: InitPhase) -> None:
        """INIT begins."""
        version = self._spec.runtime.replace("python", "python:")
        if not self._json:
            self._write(f"INIT_START Runtime Version: {version}", None)
            return
        record = {
            "initializationType": self._spec.initialization_type,
            "phase": phase,
            "runtimeVersion": version,
            "functionName": self._spec.name,
            "functionVersion": self._spec.version,
        }
        self._record(Level.INFO, "initStart", record, None)

    def init_end(
        self,
        phase: InitPhase,
        duration_ms: float,
        status: Status,
        error_type: str | None,
        request_id: str | None,
    ) -> None:
        """INIT is over, whether it succeeded or not; `request_id` is of the event that it was a part of."""
        ahead = self._spec.initialization_type == PROVISIONED
        failed = status is not Status.SUCCESS
        kind = error_type if status is Status.ERROR else None
        if not self._json:
            if failed or ahead:
                parts = [f"INIT_REPORT Init Duration: {duration_ms:.2f} ms", f"Phase: {phase}", f"Status: {status}"]
                self._write("\t".join([*parts, *([f"Error Type: {kind}"] if kind else [])]), request_id)
            return
        about = {"initializationType": self._spec.initialization_type, "phase": phase, "status": status}
        about |= {"errorType": kind} if kind else {}
        self._record(Level.WARN if failed else Level.DEBUG, "initRuntimeDone", about, request_id)
        level = Level.WARN if failed else Level.INFO if ahead else Level.DEBUG
        self._record(level, "initReport", about | {"metrics": {"durationMs": round(duration_ms, 3)}}, request_id)

    def start(self, request_id: str, trace: Trace) -> None:
        """An event begins."""
        if not self._json:
            self._write(f"START RequestId: {request_id} Version: {self._spec.version}", request_id)
            return
        if self._tells_events:
            record = f'"requestId":{_quoted(request_id)},"version":{_quoted(self._spec.version)}{_tracing(trace)}'
            self._line("start", record, request_id)

    def end(self, report: InvocationReported, trace: Trace, produced_bytes: int) -> None:
        """An event is over.

        Args:
            report: Its numbers.
            trace: Its place in a trace.
            produced_bytes: The size of its answer.

        """
        if not self._json:
            self._write(f"END RequestId: {report.request_id}", report.request_id)
            self._write("\n".join(_report_lines(report, trace)), report.request_id)
            return
        succeeded = report.status is Status.SUCCESS
        about = f'"requestId":{_quoted(report.request_id)},"status":"{report.status}"'
        if report.error_type:
            about += f',"errorType":{_quoted(report.error_type)}'
        duration_ms = round(report.duration_ms, 3)
        if self._tells_details if succeeded else self._tells_failures:
            metrics = f'"durationMs":{duration_ms},"producedBytes":{produced_bytes}'
            self._line("runtimeDone", f'{about},"metrics":{{{metrics}}}', report.request_id)
        if self._tells_events if succeeded else self._tells_failures:
            metrics = (
                f'"durationMs":{duration_ms},"billedDurationMs":{report.billed_ms},'
                f'"memorySizeMB":{report.memory_size_mb},"maxMemoryUsedMB":{report.max_memory_used_mb}'
            )
            if report.init_duration_ms is not None:
                metrics += f',"initDurationMs":{round(report.init_duration_ms, 3)}'
            self._line("report", f'{about},"metrics":{{{metrics}}}{_tracing(trace)}', report.request_id)

    def _record(self, level: Level, kind: str, record: Mapping[str, Any], request_id: str | None) -> None:
        if level >= self._lowest:
            self._line(kind, json.dumps(record, separators=(",", ":"))[1:-1], request_id)

    def _line(self, kind: str, record: str, request_id: str | None) -> None:
        """Write a record, of which the fields are given as JSON."""
        self._write(f'{{"time":"{_now()}","type":"platform.{kind}","record":{{{record}}}}}', request_id)


def _report_lines(report: InvocationReported, trace: Trace) -> Iterator[str]:
    yield report.line()
    if trace.recorded:
        yield f"XRAY TraceId: {trace.root}\tSegmentId: {trace.segment}\tSampled: true\t"


def _tracing(trace: Trace) -> str:
    if not trace.sampled:
        return ""
    segment, header = _quoted(trace.segment), _quoted(trace.header)
    return f',"tracing":{{"spanId":{segment},"type":"X-Amzn-Trace-Id","value":{header}}}'


def _now() -> str:
    second, milliseconds = divmod(int(time.time() * 1000), 1000)
    return f"{_second(second)}.{milliseconds:03}Z"


@lru_cache(maxsize=2)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
