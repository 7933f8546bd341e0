"""Lines of a function's log, its metrics and its traces, as text a person can read at a glance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.text import Text

from fastlambda_cli.local.model import InitEnded, InvocationReported, LogLine, Status

_LEVELS = {"DEBUG": "dim", "INFO": "", "WARNING": "yellow", "ERROR": "bold red", "CRITICAL": "bold red"}

# Keys that stand on every line, or that are shown in a form of their own.
_PLATFORM_KEYS = frozenset(
    {"level", "location", "message", "timestamp", "service", "sampling_rate", "logger", "name"}
    | {"taskName", "requestId", "tenantId"}
    | {"cold_start", "function_name", "function_memory_size", "function_arn", "function_request_id"}
    | {"correlation_id", "xray_trace_id", "route"}
    | {"exception", "exception_name", "exception_notes", "stack_trace", "stackTrace", "errorType", "errorMessage"}
)
_LAST_FRAMES = 2
_MAX_CHARACTERS = 4000
"""Characters shown of one message or value."""
_SHOWN_CHILDREN = 5
_ACCESS_KEYS = frozenset({"method", "route", "path", "status", "duration_ms"})


UNMATCHED = "unmatched"
"""The runtime's route for paths that no route of the app takes."""


def is_init_error(fields: Mapping[str, Any] | None) -> bool:
    """Whether the runtime client says here why INIT failed, or what Lambda always says besides."""
    if fields is None:
        return False
    return {"errorType", "stackTrace"} <= fields.keys() or str(fields.get("message", "")).startswith("LAMBDA_WARNING")


def access_of(fields: Mapping[str, Any] | None) -> str | None:
    """The route template when the line is the runtime's access line of a request, else None."""
    if fields is None or not fields.keys() >= _ACCESS_KEYS:
        return None
    return str(fields["route"])


def log_lines(line: LogLine, root: Path) -> list[Text]:
    """One log line as text: level, message, the keys that are its own, and a traceback below it."""
    fields = line.fields
    if fields is None:
        return [_printed(line.text)]
    level = str(fields.get("level", "INFO"))
    message = fields.get("message") or fields.get("errorMessage") or ""
    if "errorType" in fields:
        message = f"{fields['errorType']}: {message}"
    own = {key: value for key, value in fields.items() if key not in _PLATFORM_KEYS}
    head = Text.assemble((f"{level:<8} ", _LEVELS.get(level, "")), (_short(str(message)), _LEVELS.get(level, "")))
    for key, value in own.items():
        head.append(f"  {key}=", style="dim")
        head.append(_short(str(value)))
    return [head, *traceback_lines(_traceback(fields), root)]


def _printed(text: str) -> Text:
    """What the function printed, in its own colours; no other escape sequence gets through."""
    shown = _short(text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n"))
    return Text("\n").join(map(Text.from_ansi, shown.split("\n"))) if "\x1b[" in shown else Text(shown)


def _short(text: str) -> str:
    more = len(text) - _MAX_CHARACTERS
    return text if more <= 0 else f"{text[:_MAX_CHARACTERS]}... {more:,} more characters"


def init_failure_lines(event: InitEnded, root: Path) -> list[Text]:
    """Why INIT failed: the error, then its traceback."""
    error = event.error or {}
    if event.status is Status.TIMEOUT:
        return [Text(str(error.get("errorMessage", "it took too long")))]
    head = Text(f"{error.get('errorType', 'Error')}: {error.get('errorMessage', '')}", style="red")
    return [head, *traceback_lines(_traceback(error), root)]


def traceback_lines(traceback: Iterable[str], root: Path) -> list[Text]:
    """Traceback lines: the service's own frames in full, long runs of frames in packages as one line.

    The two frames before an error stay, because that is where a package raised what the service has to answer for.
    """
    lines: list[Text] = []
    run: list[list[Text]] = []
    for block in _frames(traceback):
        is_frame = block[0].startswith("  File ")
        if is_frame and not _is_own(block[0], root):
            run.append([Text(text, style="dim") for text in block])
            continue
        lines += _shortened(run, kept=0 if is_frame else _LAST_FRAMES)
        run = []
        lines += [Text(text.replace(f'"{root}/', '"'), style="" if is_frame else "red") for text in block]
    return lines + _shortened(run, kept=_LAST_FRAMES)


def _frames(traceback: Iterable[str]) -> Iterator[list[str]]:
    """The traceback in blocks: a frame with its source lines, or one line of anything else."""
    block: list[str] = []
    for text in traceback:
        if block and text.startswith("    ") and block[0].startswith("  File "):
            block.append(text)
            continue
        if block:
            yield block
        block = [text]
    if block:
        yield block


def _is_own(frame: str, root: Path) -> bool:
    return f'"{root}/' in frame and f'"{root}/.fastlambda/' not in frame


def _shortened(run: list[list[Text]], *, kept: int) -> list[Text]:
    hidden = len(run) - kept
    if hidden <= 1:
        return [line for block in run for line in block]
    note = Text(f"  ... {hidden} frames in packages", style="dim")
    return [note, *(line for block in run[hidden:] for line in block)]


def metric_line(document: Mapping[str, Any]) -> Text:
    """The metrics of one EMF line that are not zero, with the dimensions that the request's own line does not show."""
    parts: list[str] = []
    dimensions: dict[str, Any] = {}
    for directive in document["_aws"]["CloudWatchMetrics"]:
        for metric in directive.get("Metrics", ()):
            shown = _values(document.get(metric["Name"]), str(metric.get("Unit", "None")))
            if shown is not None:
                parts.append(f"{metric['Name']}={shown}")
        for names in directive.get("Dimensions", ()):
            dimensions |= {name: document.get(name) for name in names if name not in _KNOWN_DIMENSIONS}
    where = " ".join(f"{name}={value}" for name, value in dimensions.items())
    return Text.assemble(("metrics  ", "dim cyan"), (" ".join(parts), "dim"), (f"  [{where}]" if where else "", "dim"))


def _values(values: Any, unit: str) -> str | None:
    every = values if isinstance(values, list) else [values]
    if not any(every):
        return None
    digits = ".1f" if unit == "Milliseconds" else "g"
    numbers = ",".join(format(value, digits) if isinstance(value, int | float) else str(value) for value in every)
    return numbers + _UNITS.get(unit, f" {unit}")


_KNOWN_DIMENSIONS = frozenset({"service", "function_name", "method", "route"})
_UNITS = {"Count": "", "Milliseconds": " ms", "None": ""}


def trace_line(documents: Iterable[Mapping[str, Any]]) -> Text:
    """The subsegments of one trace on one line, each with its time and, in brackets, those inside it."""
    every = list(documents)
    inside: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for document in every:
        inside[str(document.get("parent_id", ""))].append(document)
    ids = {str(document.get("id", "")) for document in every}
    text = Text("trace   ", style="dim magenta")
    for document in every:
        if str(document.get("parent_id", "")) not in ids:
            text.append(" ")
            text.append_text(_segment(document, inside))
    return text


def report_line(report: InvocationReported) -> Text:
    """What Lambda's REPORT line says, shorter."""
    parts = [
        f"{report.duration_ms:.1f} ms",
        f"billed {report.billed_ms} ms",
        f"memory {report.max_memory_used_mb}/{report.memory_size_mb} MB",
    ]
    if report.init_duration_ms is not None:
        parts.append(f"init {report.init_duration_ms:.0f} ms")
    if report.status is not Status.SUCCESS:
        parts.append(f"{report.status}: {report.error_type}")
    style = "dim" if report.status is Status.SUCCESS else "red"
    return Text.assemble(("report   ", "dim blue"), (" · ".join(parts), style))


def _segment(document: Mapping[str, Any], inside: Mapping[str, list[Mapping[str, Any]]]) -> Text:
    took = (document.get("end_time", 0) - document.get("start_time", 0)) * 1000
    fault = document.get("fault") or document.get("error")
    text = Text(f"{document.get('name', '?')} {max(took, 0):.1f} ms", style="red" if fault else "dim")
    children = [*document.get("subsegments", ()), *inside.get(str(document.get("id")), ())]
    if children:
        children.sort(key=lambda child: float(child.get("start_time", 0)))
        text.append(" (", style="dim")
        text.append_text(Text(", ", style="dim").join(_segment(child, inside) for child in children[:_SHOWN_CHILDREN]))
        hidden = len(children) - _SHOWN_CHILDREN
        text.append(f", {hidden} more)" if hidden > 0 else ")", style="dim")
    return text


def _traceback(fields: Mapping[str, Any]) -> list[str]:
    if isinstance(fields.get("exception"), str):
        return str(fields["exception"]).splitlines()
    frames = fields.get("stackTrace")
    return [line for frame in frames for line in str(frame).splitlines()] if isinstance(frames, list) else []
