"""What a person sees while the function runs: one line a request, and under it everything it wrote.

What belongs to a request is held back until its answer has left, so that requests that run at once stay apart; what
belongs to none (INIT, notices) is shown as it comes.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

from rich.console import Console
from rich.text import Text

from fastlambda_cli.cli.lines import (
    UNMATCHED,
    access_of,
    init_failure_lines,
    is_init_error,
    log_lines,
    metric_line,
    report_line,
    trace_line,
)
from fastlambda_cli.local.model import (
    HttpExchange,
    InitEnded,
    InitStarted,
    InvocationReported,
    InvocationStarted,
    LogLine,
    MetricRecord,
    Notice,
    Status,
    TelemetryEvent,
    TraceSegment,
)

Clock: TypeAlias = Callable[[], datetime]

_WIDE = 120
_SHORT_ID = 8
_FORGET_AFTER = 60.0
"""Seconds after which the trace segments of a request that was never reported are dropped."""


class RawView:
    """Log lines as CloudWatch Logs would hold them, START, END and REPORT included; nothing else."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, event: TelemetryEvent) -> None:
        """Print one event, if it is a line of the log."""
        match event:
            case InitStarted():
                self._print(f"INIT_START Runtime Version: {event.runtime}")
            case InitEnded(status=Status.ERROR | Status.TIMEOUT):
                self._print(
                    f"INIT_REPORT Init Duration: {event.duration_ms:.2f} ms\tPhase: init\tStatus: {event.status}"
                )
            case InvocationStarted():
                self._print(f"START RequestId: {event.request_id} Version: $LATEST")
            case LogLine():
                self._print(event.text)
            case MetricRecord():
                self._print(event.text)
            case InvocationReported():
                self._print(f"END RequestId: {event.request_id}")
                self._print(event.line())
            case Notice():
                self._console.print(Text(event.text, style="yellow" if event.warning else "dim"))
            case _:
                pass

    def _print(self, line: str) -> None:
        # Past Rich, which would expand the tabs of REPORT lines and wrap what a tool reads line by line.
        print(line, file=self._console.file, flush=True)


class TerminalView:
    """The readable log.

    Args:
        console: Where it goes.
        root: The service's folder; files in it are shown relative to it.
        clock: Tells the time of a line.

    """

    def __init__(self, console: Console, root: Path, *, clock: Clock = datetime.now) -> None:
        self._console = console
        self._root = root
        self._clock = clock
        self._lines: defaultdict[str, list[Text]] = defaultdict(list)
        self._routes: dict[str, str] = {}
        self._reports: dict[str, InvocationReported] = {}
        self._traces: dict[str, tuple[float, list[Mapping[str, Any]]]] = {}

    def __call__(self, event: TelemetryEvent) -> None:
        """Take one event."""
        match event:
            case HttpExchange():
                self._http(event)
            case InvocationReported():
                self._reports[event.request_id] = event
                if event.source != "http":
                    self._invoked(event)
            case LogLine():
                self._log(event)
            case MetricRecord(request_id=str(request_id)):
                self._lines[request_id].append(metric_line(event.document))
            case TraceSegment():
                self._trace(event)
            case InitEnded():
                self._init(event)
            case Notice():
                self._say(Text(event.text, style="yellow" if event.warning else "dim"))
            case _:
                pass

    def _http(self, event: HttpExchange) -> None:
        request_id = event.request_id or ""
        route = self._routes.pop(request_id, None)
        path = event.path if route in {None, UNMATCHED} else route
        line = Text.assemble(
            (f"{event.method:<7}", "bold"),
            f"{path:<34} ",
            (str(event.status), _status_style(event.status)),
            f" {event.duration_ms:>7.1f} ms  ",
            (("cold", "cyan") if event.cold else ("warm", "dim")) if event.request_id else ("    ", ""),
            (f"  {self._id(request_id or event.api_request_id)}", "dim"),
        )
        if event.error:
            line.append(f"  {event.error}", style="yellow")
        self._flush(line, request_id)

    def _invoked(self, event: InvocationReported) -> None:
        ok = event.status is Status.SUCCESS
        line = Text.assemble(
            ("INVOKE ", "bold"),
            f"{'':<34} ",
            ("ok ", "green") if ok else (event.error_type or "error", "bold red"),
            f" {event.duration_ms:>7.1f} ms  ",
            ("cold", "cyan") if event.init_duration_ms is not None else ("warm", "dim"),
            (f"  {self._id(event.request_id)}", "dim"),
        )
        self._flush(line, event.request_id)

    def _flush(self, head: Text, request_id: str) -> None:
        self._say(head)
        report = self._reports.pop(request_id, None)
        lines = self._lines.pop(request_id, [])
        if report is not None:
            _, documents = self._traces.pop(report.trace_id or "", (0.0, []))
            if documents:
                lines.append(trace_line(documents))
            lines.append(report_line(report))
        for line in lines:
            self._console.print(Text.assemble(" " * 10, line))

    def _log(self, event: LogLine) -> None:
        if event.request_id is None and is_init_error(event.fields):
            return  # it comes again as the INIT's outcome
        access = access_of(event.fields)
        if access is not None and event.request_id:
            # The gateway's own line says the rest; a reader needs it once.
            self._routes[event.request_id] = access
            return
        lines = log_lines(event, self._root)
        if event.request_id is None:
            for line in lines:
                self._console.print(Text.assemble(" " * 10, line))
        else:
            self._lines[event.request_id].extend(lines)

    def _trace(self, event: TraceSegment) -> None:
        now = time.monotonic()
        self._traces = {key: kept for key, kept in self._traces.items() if now - kept[0] < _FORGET_AFTER}
        trace_id = str(event.document.get("trace_id", ""))
        self._traces.setdefault(trace_id, (now, []))[1].append(event.document)

    def _init(self, event: InitEnded) -> None:
        if event.status is Status.SUCCESS:
            text = f"INIT   environment {event.environment} is up after {event.duration_ms:.0f} ms"
            self._say(Text(text, style="dim"))
            return
        self._say(Text(f"INIT   failed after {event.duration_ms:.0f} ms", style="bold red"))
        for line in init_failure_lines(event, self._root):
            self._console.print(Text.assemble(" " * 10, line))

    def _say(self, line: Text) -> None:
        self._console.print(Text.assemble((f"{self._clock():%H:%M:%S}  ", "dim"), line))

    def _id(self, request_id: str) -> str:
        return request_id if self._console.width >= _WIDE else request_id[:_SHORT_ID]


def _status_style(status: int) -> str:
    styles = {2: "green", 3: "cyan", 4: "yellow", 5: "bold red"}
    return styles.get(status // 100, "")
