"""What Lambda itself writes into a function's log, as text or as JSON records.

AWS Lambda Developer Guide: "Viewing CloudWatch logs for Lambda functions" and "Understanding the Lambda execution
environment lifecycle" for the text, "Lambda Telemetry API Event schema reference" for the records, and "Configuring
advanced logging controls for Lambda functions" for the level of each.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Any

from fastlambda_cli.local.function.spec import PROVISIONED, FunctionSpec
from fastlambda_cli.local.model import InvocationReported, Status, Trace

_encode = json.JSONEncoder(separators=(",", ":")).encode
"""`json.dumps` makes an encoder for every call that is not by default, and every event has three lines."""


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
        write: Takes each line, without its line break.

    """

    def __init__(self, spec: FunctionSpec, write: Callable[[str], None]) -> None:
        self._spec = spec
        self._write = write
        self._json = spec.log_format == "JSON"
        self._lowest = Level[spec.system_log_level]

    def init_start(self, phase: InitPhase) -> None:
        """INIT begins."""
        version = self._spec.runtime.replace("python", "python:")
        if not self._json:
            self._write(f"INIT_START Runtime Version: {version}")
            return
        record = {
            "initializationType": self._spec.initialization_type,
            "phase": phase,
            "runtimeVersion": version,
            "functionName": self._spec.name,
            "functionVersion": self._spec.version,
        }
        self._record(Level.INFO, "initStart", record)

    def init_end(self, phase: InitPhase, duration_ms: float, status: Status, error_type: str | None) -> None:
        """INIT is over, whether it succeeded or not."""
        ahead = self._spec.initialization_type == PROVISIONED
        failed = status is not Status.SUCCESS
        kind = error_type if status is Status.ERROR else None
        if not self._json:
            if failed or ahead:
                parts = [f"INIT_REPORT Init Duration: {duration_ms:.2f} ms", f"Phase: {phase}", f"Status: {status}"]
                self._write("\t".join([*parts, *([f"Error Type: {kind}"] if kind else [])]))
            return
        about = {"initializationType": self._spec.initialization_type, "phase": phase, "status": status}
        about |= {"errorType": kind} if kind else {}
        self._record(Level.WARN if failed else Level.DEBUG, "initRuntimeDone", about)
        level = Level.WARN if failed else Level.INFO if ahead else Level.DEBUG
        self._record(level, "initReport", about | {"metrics": {"durationMs": round(duration_ms, 3)}})

    def start(self, request_id: str, trace: Trace) -> None:
        """An event begins."""
        if not self._json:
            self._write(f"START RequestId: {request_id} Version: {self._spec.version}")
            return
        record = {"requestId": request_id, "version": self._spec.version}
        self._record(Level.INFO, "start", record | _tracing(trace))

    def end(self, report: InvocationReported, trace: Trace, produced_bytes: int) -> None:
        """An event is over.

        Args:
            report: Its numbers.
            trace: Its place in a trace.
            produced_bytes: The size of its answer.

        """
        if not self._json:
            self._write(f"END RequestId: {report.request_id}")
            self._write("\n".join(_report_lines(report, trace)))
            return
        level = Level.INFO if report.status is Status.SUCCESS else Level.WARN
        about: dict[str, Any] = {"requestId": report.request_id, "status": report.status}
        about |= {"errorType": report.error_type} if report.error_type else {}
        done = {"durationMs": round(report.duration_ms, 3), "producedBytes": produced_bytes}
        done_level = Level.DEBUG if report.status is Status.SUCCESS else level
        self._record(done_level, "runtimeDone", about | {"metrics": done})
        metrics: dict[str, float] = {
            "durationMs": round(report.duration_ms, 3),
            "billedDurationMs": report.billed_ms,
            "memorySizeMB": report.memory_size_mb,
            "maxMemoryUsedMB": report.max_memory_used_mb,
        }
        if report.init_duration_ms is not None:
            metrics["initDurationMs"] = round(report.init_duration_ms, 3)
        self._record(level, "report", about | {"metrics": metrics} | _tracing(trace))

    def _record(self, level: Level, kind: str, record: Mapping[str, Any]) -> None:
        if level >= self._lowest:
            time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            line = {"time": time, "type": f"platform.{kind}", "record": record}
            self._write(_encode(line))


def _report_lines(report: InvocationReported, trace: Trace) -> Iterator[str]:
    yield report.line()
    if trace.recorded:
        yield f"XRAY TraceId: {trace.root}\tSegmentId: {trace.segment}\tSampled: true\t"


def _tracing(trace: Trace) -> dict[str, Any]:
    if not trace.sampled:
        return {}
    return {"tracing": {"spanId": trace.segment, "type": "X-Amzn-Trace-Id", "value": trace.header}}
