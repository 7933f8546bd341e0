"""What a person sees while the function runs: one line a request, and under it everything it wrote.

What belongs to a request is held back until its answer has left, so that requests that run at once stay apart; what
belongs to none (INIT, notices) is shown as it comes.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
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
    InvocationReported,
    LogLine,
    MetricRecord,
    Notice,
    PlatformLine,
    Status,
    TelemetryEvent,
    TraceSegment,
)

Clock: TypeAlias = Callable[[], datetime]

_WIDE = 120
_PATH_WIDTH = 34
_NARROW_PATH_WIDTH = 30
_INDENT = " " * 10
_MAX_LINES = 500
"""Lines shown of one request or one INIT: a terminal takes long to print what nobody can read."""
PICTURES = {code: 0x2400 + code for code in range(0x20) if chr(code) != "\t"} | {
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), 0xFFFD),
}
"""Control characters and what is shown for them: what a function logs may come from a stranger's request."""
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
            case PlatformLine() | LogLine() | MetricRecord():
                self._print(event.text)
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
        function: Tells the name of the function that answers HTTP. What others do is shown with their names, those of
            functions that only consume without this one before them.
        clock: Tells the time of a line.

    """

    def __init__(
        self, console: Console, root: Path, *, function: Callable[[], str] = str, clock: Clock = datetime.now
    ) -> None:
        self._console = console
        self._root = root
        self._function = function
        self._clock = clock
        self._lines: defaultdict[str, list[Text]] = defaultdict(list)
        self._hidden: Counter[str] = Counter()
        self._init_lines: Counter[int] = Counter()
        self._running: dict[str, str] = {}
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
                    self._invoked(event, _title(event.source))
                elif event.request_id in self._running:
                    self._invoked(event, self._running.pop(event.request_id))
            case LogLine():
                self._log(event)
            case MetricRecord(request_id=str(request_id)):
                self._below(request_id, lambda: [metric_line(event.document)])
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
            f"{self._padded(path)} ",
            (str(event.status), _status_style(event.status)),
            f" {event.duration_ms:>7.1f} ms  ",
            _start(event),
            (f"  {self._id(request_id or event.api_request_id)}", "dim"),
        )
        if event.error:
            line.append(f"  {event.error}", style="yellow")
        if event.running:
            self._running[request_id] = f"{event.method:<7}{path} ran on"
        self._flush(line, request_id)

    def _invoked(self, event: InvocationReported, title: str) -> None:
        ok = event.status is Status.SUCCESS
        verb, rest = title[:7], title[7:]
        line = Text.assemble(
            (verb, "bold"),
            f"{self._padded(rest)} ",
            ("ok ", "green") if ok else (event.error_type or "error", "bold red"),
            f" {event.duration_ms:>7.1f} ms  ",
            ("cold", "cyan") if event.init_duration_ms is not None else ("warm", "dim"),
            (f"  {self._id(event.request_id)}", "dim"),
            (self._by(event.function, "  "), "dim"),
        )
        self._flush(line, event.request_id)

    def _flush(self, head: Text, request_id: str) -> None:
        self._say(head)
        report = self._reports.pop(request_id, None)
        lines = self._lines.pop(request_id, [])
        if hidden := self._hidden.pop(request_id, 0):
            lines.append(_more(hidden))
        if report is not None:
            _, documents = self._traces.pop(report.trace_id or "", (0.0, []))
            if documents:
                lines.append(trace_line(documents))
            lines.append(report_line(report))
        self._print_below(lines)

    def _log(self, event: LogLine) -> None:
        if event.request_id is None and is_init_error(event.fields):
            return  # it comes again as the INIT's outcome
        access = access_of(event.fields)
        if access is not None and event.request_id:
            # The gateway's own line says the rest; a reader needs it once.
            self._routes[event.request_id] = access
            return
        if event.request_id is not None:
            self._below(event.request_id, lambda: log_lines(event, self._root))
            return
        self._init_lines[event.environment] += 1
        if self._init_lines[event.environment] <= _MAX_LINES:
            self._print_below(log_lines(event, self._root))

    def _below(self, request_id: str, make: Callable[[], list[Text]]) -> None:
        """Keep lines for their request; past a limit they are only counted, and not even made."""
        kept = self._lines[request_id]
        if len(kept) < _MAX_LINES:
            kept.extend(make())
        else:
            self._hidden[request_id] += 1

    def _trace(self, event: TraceSegment) -> None:
        now = time.monotonic()
        self._traces = {key: kept for key, kept in self._traces.items() if now - kept[0] < _FORGET_AFTER}
        trace_id = str(event.document.get("trace_id", ""))
        self._traces.setdefault(trace_id, (now, []))[1].append(event.document)

    def _init(self, event: InitEnded) -> None:
        written = self._init_lines.pop(event.environment, 0)
        if written > _MAX_LINES:
            self._print_below([_more(written - _MAX_LINES)])
        if event.status is Status.SUCCESS:
            of = self._by(event.function, " of ")
            text = f"INIT   environment {event.environment}{of} is up after {event.duration_ms:.0f} ms"
            self._say(Text(text, style="dim"))
            return
        of = self._by(event.function, "of ", " ")
        self._say(Text(f"INIT   {of}failed after {event.duration_ms:.0f} ms", style="bold red"))
        self._print_below(init_failure_lines(event, self._root))

    def _by(self, function: str, before: str, after: str = "") -> str:
        """The name of a function, unless it is the one that answers HTTP."""
        main = self._function()
        if not main or function in {"", main}:
            return ""
        return f"{before}{function.removeprefix(f'{main}-')}{after}"

    def _say(self, line: Text) -> None:
        self._print(Text.assemble((f"{self._clock():%H:%M:%S}  ", "dim"), line))

    def _print_below(self, lines: Iterable[Text]) -> None:
        for line in lines:
            for part in line.split(allow_blank=True):
                self._print(Text.assemble(_INDENT, part))

    def _print(self, line: Text) -> None:
        line.plain = line.plain.translate(PICTURES)
        self._console.print(line)

    def _padded(self, path: str) -> str:
        return f"{path:<{_PATH_WIDTH if self._console.width >= _WIDE else _NARROW_PATH_WIDTH}}"

    def _id(self, request_id: str) -> str:
        return request_id if self._console.width >= _WIDE else request_id[:_SHORT_ID]


def _title(source: str) -> str:
    """The word for who invoked, as wide as an HTTP method, and what there is to say about it."""
    word, _, more = source.partition(" ")
    return f"{word.upper():<7}{more}"


def _more(count: int) -> Text:
    return Text(f"... {count:,} more lines; --raw shows every one", style="dim")


def _status_style(status: int) -> str:
    styles = {2: "green", 3: "cyan", 4: "yellow", 5: "bold red"}
    return styles.get(status // 100, "")


def _start(event: HttpExchange) -> tuple[str, str]:
    """Whether the request met a cold start; nobody knows of one that runs no function, or whose function still runs."""
    if event.request_id is None or event.running:
        return "    ", ""
    return ("cold", "cyan") if event.cold else ("warm", "dim")
