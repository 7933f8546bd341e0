"""What is printed while a deployment runs."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from rich.console import Console

from fastlambda_cli.aws.model import StackEvent
from fastlambda_cli.cli.views.outcome import Typed
from fastlambda_cli.cli.views.progress import Progress
from fastlambda_cli.deploy.model import Progressed, Remark, Step

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
IDS = itertools.count()
STACK = "AWS::CloudFormation::Stack"


def event(logical_id, status, after=0.0, *, reason="", kind="AWS::Lambda::Function"):
    return StackEvent(str(next(IDS)), START + timedelta(seconds=after), logical_id, "x", kind, status, reason)


def printed(*happenings, seconds=()):
    clock = itertools.chain([0.0], seconds, itertools.repeat(seconds[-1] if seconds else 0.0))
    console = Console(file=io.StringIO(), width=120, highlight=False)
    with Progress(console, clock=lambda: next(clock)) as progress:
        for happening in happenings:
            progress(happening)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]


def test_every_step_is_a_line_with_the_seconds_since_the_start():
    lines = printed(Step("Building the artifact"), Step("Uploading 15.9 MB"), seconds=[0.0, 0.0, 75.2])
    assert lines == ["0.0 s Building the artifact", "1 min 15 s Uploading 15.9 MB"]


def test_a_resource_is_one_line_when_it_is_done_with_how_long_it_took():
    lines = printed(
        event("Function", "CREATE_IN_PROGRESS", 0),
        event("Function", "CREATE_IN_PROGRESS", 1, reason="Resource creation Initiated"),
        event("Function", "CREATE_COMPLETE", 3.1),
    )
    assert lines == ["0.0 s + created Function Lambda::Function 3.1 s"]


def test_a_failure_stands_out_with_its_reason_and_those_it_cancelled_do_not():
    lines = printed(
        event("Role", "CREATE_FAILED", reason="Access denied"),
        event("Api", "CREATE_FAILED", reason="Resource creation cancelled"),
    )
    assert lines == [
        "0.0 s ! CREATE_FAILED Role Lambda::Function",
        "Access denied",
        "0.0 s . cancelled Api, because something else failed",
    ]


def test_the_stacks_own_rollback_is_told_when_it_begins():
    lines = printed(
        event("shop", "CREATE_IN_PROGRESS", kind=STACK), event("shop", "ROLLBACK_IN_PROGRESS", kind=STACK, reason="why")
    )
    assert lines == ["0.0 s the stack: ROLLBACK_IN_PROGRESS why"]


def test_a_warning_is_marked_as_one():
    assert printed(Remark("the stack was busy"), Remark("no bytecode", warning=True)) == [
        "0.0 s the stack was busy",
        "0.0 s Note: no bytecode",
    ]


def test_commands_that_a_remark_names_get_what_was_typed():
    console = Console(file=io.StringIO(), width=120, highlight=False)
    with Progress(console, words=Typed(stage="prod", local=True).completed, clock=lambda: 0.0) as progress:
        progress(Remark("`fastlambda status` shows how it stands.", warning=True))
    assert "Note: `fastlambda status --stage prod --local` shows how it stands." in console.file.getvalue()


def test_in_a_terminal_what_is_under_way_is_shown_with_its_seconds_and_gone_at_the_end():
    console = Console(file=io.StringIO(), width=80, height=24, highlight=False, force_terminal=True)
    with Progress(console, clock=lambda: 2.0) as progress:
        progress(Step("Creating the stack"))
        progress(event("Function", "CREATE_IN_PROGRESS"))
        shown = Console(file=io.StringIO(), width=80)
        shown.print(progress.under_way())
    assert "Creating the stack  0.0 s" in shown.file.getvalue()
    assert "Function  Lambda::Function  0.0 s" in shown.file.getvalue()
    erase_line = "\x1b[2K"
    assert erase_line in console.file.getvalue()


def test_how_far_a_step_has_come_is_shown_beside_it_until_the_next_and_is_no_line_of_its_own():
    console = Console(file=io.StringIO(), width=120, highlight=False)
    shown = []
    with Progress(console, clock=lambda: 2.0) as progress:
        for happening in (Step("Uploading"), Progressed("Uploading", 7, 20), Step("Creating the stack")):
            progress(happening)
            with console.capture() as capture:
                console.print(progress.under_way())
            shown.append(capture.get())
    assert ["35 %" in text for text in shown] == [False, True, False]
    assert "Uploading  35 %  0.0 s" in shown[1]
    assert console.file.getvalue().split() == ["0.0", "s", "Uploading", "0.0", "s", "Creating", "the", "stack"]


def test_what_is_under_way_before_the_first_step_is_shown_and_gets_no_line():
    now = 0.0
    console = Console(file=io.StringIO(), width=120, highlight=False)
    with Progress(console, "Reaching AWS", clock=lambda: now) as progress:
        now = 2.0
        with console.capture() as shown:
            console.print(progress.under_way())
    assert "Reaching AWS  2.0 s" in shown.get()
    assert console.file.getvalue() == ""


def test_the_time_that_a_question_takes_is_not_the_deployments():
    now = 0.0
    console = Console(file=io.StringIO(), width=120, highlight=False)
    with Progress(console, clock=lambda: now) as progress:
        now = 1.0
        with progress.paused():
            now = 301.0
        progress(Step("Uploading"))
    assert console.file.getvalue().split() == ["1.0", "s", "Uploading"]


NOBODY_READS = """
import sys
from fastlambda_cli.cli.terminal import report_console
from fastlambda_cli.cli.views.progress import Progress
from fastlambda_cli.deploy.model import Step
with Progress(report_console()) as progress:
    sys.stdin.readline()
    for number in range(3):
        progress(Step(str(number)))
print("finished", file=sys.stderr)
"""


def test_when_nobody_reads_any_more_the_deployment_goes_on():
    with subprocess.Popen(
        [sys.executable, "-c", NOBODY_READS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert process.stderr.read() == b"finished\n"
    assert process.returncode == 0
