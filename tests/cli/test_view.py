"""What a person reads in the terminal: telemetry goes in as records, text comes out."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from fastlambda_cli.cli.view import RawView, TerminalView
from fastlambda_cli.local.model import (
    HttpExchange,
    InitEnded,
    InvocationReported,
    LogLine,
    MetricRecord,
    Notice,
    PlatformLine,
    Status,
    TraceSegment,
)

AFTERNOON = datetime(2026, 11, 23, 14, 3, 12, tzinfo=UTC)
ROOT = Path("/home/me/books")
ID = "8b4a1c1e-6f2e-4a55-9d4e-3d1c34f9a0aa"
TRACE = "1-67891233-abcdef012345678912345678"


@pytest.fixture
def shown():
    """A function that shows events in a terminal of a given width and returns the lines."""

    def show(*events, width=140, view=None):
        out = io.StringIO()
        console = Console(file=out, width=width, soft_wrap=True, highlight=False, force_terminal=False)
        target = (
            view(console)
            if view
            else TerminalView(console, ROOT, clock=lambda: datetime(2026, 11, 23, 14, 3, 12, tzinfo=UTC))
        )
        for event in events:
            target(event)
        return out.getvalue().splitlines()

    return show


def report(**changes):
    values = {"environment": 1, "request_id": ID, "duration_ms": 9.1, "billed_ms": 10, "memory_size_mb": 1024}
    defaults = {"max_memory_used_mb": 71, "status": Status.SUCCESS, "trace_id": TRACE, "source": "http"}
    return InvocationReported(**(values | defaults | changes))


def exchange(**changes):
    values = {"method": "GET", "path": "/api/v1/books/7", "status": 200, "duration_ms": 12.3, "api_request_id": "abc="}
    return HttpExchange(**(values | {"request_id": ID} | changes))


def log(**fields):
    return LogLine(1, ID, "{...}", fields)


ACCESS = log(
    level="INFO", message="x", method="GET", route="/api/v1/books/{book_id}", path="/x", status=200, duration_ms=1
)


def test_a_request_is_one_line_with_its_route_and_what_it_wrote_stands_below(shown):
    lines = shown(
        log(level="INFO", message="Fetching book", book_id="7", service="fastapi-books", cold_start=False),
        ACCESS,
        report(),
        exchange(),
    )
    assert lines == [
        f"14:03:12  GET    /api/v1/books/{{book_id}}            200    12.3 ms  warm  {ID}",
        "          INFO     Fetching book  book_id=7",
        "          report   9.1 ms · billed 10 ms · memory 71/1024 MB",
    ]


def test_requests_at_once_stay_apart(shown):
    other = "00000000-6f2e-4a55-9d4e-3d1c34f9a0aa"
    lines = shown(
        log(level="INFO", message="mine"),
        LogLine(2, other, "theirs"),
        exchange(),
        exchange(request_id=other, path="/other"),
    )
    assert [line.split()[-1] for line in lines] == [ID, "mine", other, "theirs"]


def test_the_init_a_request_paid_for_is_in_its_report(shown):
    lines = shown(report(init_duration_ms=480.4, billed_ms=491), exchange(cold=True))
    assert "cold" in lines[0]
    assert lines[1].endswith("billed 491 ms · memory 71/1024 MB · init 480 ms")


def test_metrics_show_what_is_not_zero_and_the_dimensions_that_the_request_line_does_not(shown):
    names = ("Requests", "Count"), ("Faults", "Count"), ("Latency", "Milliseconds")
    directive = {
        "Namespace": "FastAPIBooks",
        "Dimensions": [["service", "route", "shelf"]],
        "Metrics": [{"Name": name, "Unit": unit} for name, unit in names],
    }
    values = {"Requests": [1.0], "Faults": [0.0], "Latency": [8.254]}
    dimensions = {"service": "fastapi-books", "route": "/api/v1/books", "shelf": "7"}
    document = {"_aws": {"Timestamp": 1, "CloudWatchMetrics": [directive]}, **dimensions, **values}
    lines = shown(MetricRecord(1, ID, document, "{...}"), exchange())
    assert lines[1] == "          metrics  Requests=1 Latency=8.3 ms  [shelf=7]"


def test_a_trace_is_a_tree_however_its_documents_came(shown):
    inner = {"name": "sqlite", "id": "b", "start_time": 10.001, "end_time": 10.002}
    query = {"trace_id": TRACE, "name": "query", "id": "c", "parent_id": "a", "start_time": 10.003, "end_time": 10.005}
    whole = {"trace_id": TRACE, "name": "## handler", "id": "a", "start_time": 10.0, "end_time": 10.0115}
    documents = query, whole | {"subsegments": [inner]}
    lines = shown(*map(TraceSegment, documents), report(), exchange())
    assert lines[1] == "          trace    ## handler 11.5 ms (sqlite 1.0 ms, query 2.0 ms)"


def test_a_trace_of_many_subsegments_shows_the_first_five(shown):
    children = [{"name": f"q{n}", "start_time": n, "end_time": n} for n in range(9)]
    whole = {
        "trace_id": TRACE,
        "name": "## handler",
        "id": "a",
        "start_time": 0,
        "end_time": 9,
        "subsegments": children,
    }
    lines = shown(TraceSegment(whole), report(), exchange())
    assert lines[1].endswith("(q0 0.0 ms, q1 0.0 ms, q2 0.0 ms, q3 0.0 ms, q4 0.0 ms, 4 more)")


def test_a_traceback_shows_own_frames_in_full_and_packages_in_short(shown):
    package = '  File "/home/me/books/.fastlambda/packages/1/starlette/app.py", line 1, in call\n    await app()\n'
    own = '  File "/home/me/books/demo/main.py", line 9, in boom\n    raise LookupError("shelf 7")\n'
    text = f"Traceback (most recent call last):\n{package * 5}{own}LookupError: shelf 7"
    lines = shown(log(level="ERROR", message="Unhandled exception", exception=text), exchange(status=500))
    assert [line.strip() for line in lines[1:]] == [
        "ERROR    Unhandled exception",
        "Traceback (most recent call last):",
        "... 5 frames in packages",
        'File "demo/main.py", line 9, in boom',
        'raise LookupError("shelf 7")',
        "LookupError: shelf 7",
    ]


def test_an_error_raised_inside_a_package_keeps_its_last_frames(shown):
    package = '  File "/home/me/books/.fastlambda/packages/1/sqlalchemy/x.py", line {0}, in f{0}\n'
    own = '  File "/home/me/books/demo/main.py", line 9, in boom\n'
    text = f"{own}{''.join(package.format(n) for n in range(1, 5))}OperationalError: no such table"
    lines = shown(log(level="ERROR", message="m", exception=text), exchange())
    assert [line.strip().rsplit(", ", 1)[-1] for line in lines[3:]] == [
        "... 2 frames in packages",
        "in f3",
        "in f4",
        "OperationalError: no such table",
    ]


def test_a_failed_init_shows_its_error_and_where(shown):
    error = {
        "errorType": "ValueError",
        "errorMessage": "no settings",
        "stackTrace": [
            '  File "/home/me/books/demo/main.py", line 3, in <module>\n    raise ValueError("no settings")\n'
        ],
    }
    lines = shown(InitEnded(2, 512.0, Status.ERROR, error))
    assert lines == [
        "14:03:12  INIT   failed after 512 ms",
        "          ValueError: no settings",
        '            File "demo/main.py", line 3, in <module>',
        '              raise ValueError("no settings")',
    ]


def test_what_another_function_does_is_shown_with_its_name(shown):
    view = lambda console: TerminalView(console, ROOT, function=lambda: "shop-dev")  # noqa: E731
    lines = shown(
        InitEnded(1, 100.0, Status.SUCCESS, function="shop-dev"),
        InitEnded(2, 100.0, Status.SUCCESS, function="shop-dev-worker"),
        InitEnded(3, 100.0, Status.ERROR, {}, function="shop-test"),
        report(source="sqs shop-dev-imports", function="shop-dev-worker"),
        report(source="sqs shop-dev-stock", function="shop-dev"),
        view=view,
    )
    assert [line[10:].partition(" is up")[0] for line in lines[:2]] == [
        "INIT   environment 1",
        "INIT   environment 2 of worker",
    ]
    assert lines[2][10:] == "INIT   of shop-test failed after 100 ms"
    ends = [line.split(ID)[1] for line in lines if ID in line]
    assert ends == ["  worker", ""]


def test_a_flood_of_metrics_is_cut_and_counted(shown):
    document = {"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{"Metrics": [{"Name": "Sold"}]}]}, "Sold": 1}
    lines = shown(*[MetricRecord(1, ID, document, "{...}")] * 700, exchange())
    assert len(lines) == 1 + 500 + 1
    assert lines[-1].strip() == "... 200 more lines; --raw shows every one"


def test_why_init_failed_is_said_once(shown):
    error = {"errorType": "ValueError", "errorMessage": "no settings", "stackTrace": []}
    lines = shown(
        LogLine(1, None, "{...}", {"level": "WARNING", "message": "LAMBDA_WARNING: Unhandled exception. The most ..."}),
        LogLine(1, None, "{...}", {"level": "ERROR", **error}),
        InitEnded(1, 512.0, Status.ERROR, error),
    )
    assert [line.strip() for line in lines] == ["14:03:12  INIT   failed after 512 ms", "ValueError: no settings"]


def test_a_path_that_no_route_takes_is_shown_as_it_came(shown):
    access = log(
        level="INFO", message="x", method="GET", route="unmatched", path="/wp-admin", status=404, duration_ms=1
    )
    assert "GET    /wp-admin " in shown(access, exchange(path="/wp-admin", status=404))[0]


def test_a_request_the_function_never_saw_says_why(shown):
    lines = shown(exchange(request_id=None, status=413, error="the body is larger than 10 MB"))
    assert "413" in lines[0]
    assert lines[0].endswith("the body is larger than 10 MB")


def test_a_failed_sdk_invocation_shows_its_error_type(shown):
    lines = shown(report(source="invoke", status=Status.TIMEOUT, error_type="Sandbox.Timedout"))
    assert "INVOKE" in lines[0]
    assert "Sandbox.Timedout" in lines[0]
    assert lines[1].endswith("timeout: Sandbox.Timedout")


def test_an_event_of_a_queue_shows_its_sender_in_place_of_a_method(shown):
    assert "SQS    book-imports 10 records " in shown(report(source="sqs book-imports 10 records"))[0]


def test_a_narrow_terminal_gets_short_request_ids(shown):
    assert shown(exchange(), width=80)[0].endswith(ID[:8])


def test_what_the_function_prints_is_never_read_as_markup(shown):
    lines = shown(LogLine(1, None, "[bold]not markup[/] :smile:"), Notice("[red]nor this[/]"))
    assert lines == ["          [bold]not markup[/] :smile:", "14:03:12  [red]nor this[/]"]


def test_raw_shows_the_log_as_cloudwatch_holds_it(shown):
    lines = shown(
        PlatformLine(1, None, "INIT_START Runtime Version: python3.13"),
        PlatformLine(1, ID, f"START RequestId: {ID} Version: $LATEST"),
        LogLine(1, ID, '{"level":"INFO","message":"Fetching book"}', {"level": "INFO"}),
        MetricRecord(1, ID, {"_aws": {}}, '{"_aws":{}}'),
        report(),
        PlatformLine(1, ID, f"REPORT RequestId: {ID}\tDuration: 9.10 ms\t"),
        exchange(),
        view=RawView,
    )
    assert lines == [
        "INIT_START Runtime Version: python3.13",
        f"START RequestId: {ID} Version: $LATEST",
        '{"level":"INFO","message":"Fetching book"}',
        '{"_aws":{}}',
        f"REPORT RequestId: {ID}\tDuration: 9.10 ms\t",
    ]


def test_a_request_whose_client_left_shows_what_the_function_wrote_after_that_once_it_ends(shown):
    lines = shown(
        LogLine(1, ID, "before"),
        exchange(path="/slow", status=503, error="no answer within 30 s; it runs on", running=True),
        LogLine(1, ID, "after"),
        report(duration_ms=31000.0, billed_ms=31000),
    )
    assert [" ".join(line.split()) for line in lines] == [
        f"14:03:12 GET /slow 503 12.3 ms {ID} no answer within 30 s; it runs on",
        "before",
        f"14:03:12 GET /slow ran on ok 31000.0 ms warm {ID}",
        "after",
        "report 31000.0 ms · billed 31000 ms · memory 71/1024 MB",
    ]


def test_a_flood_of_lines_is_cut_and_counted(shown):
    lines = shown(*(LogLine(1, ID, f"line {number}") for number in range(100_000)), exchange())
    assert len(lines) == 502
    assert lines[-1].strip() == "... 99,500 more lines; --raw shows every one"


def test_a_flood_of_lines_in_init_is_cut_and_counted_too(shown):
    flood = (LogLine(1, None, f"line {number}") for number in range(600))
    lines = shown(*flood, InitEnded(1, 100.0, Status.SUCCESS))
    assert [line.strip() for line in lines[499:501]] == ["line 499", "... 100 more lines; --raw shows every one"]


def test_a_long_message_is_cut_and_its_rest_counted(shown):
    _, printed, logged = shown(LogLine(1, ID, "x" * 300_000), log(message="y" * 5_000), exchange())
    assert printed.endswith("x... 296,000 more characters")
    assert logged.endswith("y... 1,000 more characters")


def test_a_message_of_many_lines_stands_under_its_request_as_a_block(shown):
    _, *below = shown(log(level="INFO", message="one\ntwo"), LogLine(1, ID, "three\rfour"), exchange())
    assert below == [" " * 10 + text for text in ("INFO     one", "two", "three", "four")]


@pytest.mark.parametrize("text", ["\x1b]0;owned\x07", "\x1b[2J", "a\x9b2Jb", "\x08"])
def test_what_a_stranger_writes_into_the_log_does_not_steer_the_terminal(shown, text):
    lines = shown(log(message="m", agent=text), LogLine(1, ID, text), exchange(path=f"/{text}"))
    assert not [character for line in lines for character in line if not character.isprintable()]


def test_a_request_line_fits_into_80_columns(shown):
    lines = shown(report(), exchange(path="/api/v1/books", duration_ms=99999.9), width=80)
    assert max(map(len, lines)) <= 80
