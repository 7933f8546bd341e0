"""Output to a terminal that somebody may close at any moment."""

from __future__ import annotations

import os
import subprocess
import sys

from rich.text import Text

from fastlambda_cli.cli.terminal import report_console
from fastlambda_cli.cli.views.layout import columns

SAYS_TWICE = """
from fastlambda_cli.cli.terminal import Output
from fastlambda_cli.cli.view import RawView
from fastlambda_cli.cli.terminal import console
from fastlambda_cli.local.model import Notice
import sys
output = Output(RawView(console), lambda: print("stopped", file=sys.stderr))
output(Notice("one"))
output.say("two")
output(Notice("three"))
"""


def test_when_nobody_reads_any_more_it_stops_once_and_ends_cleanly():
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run(
        [sys.executable, "-c", SAYS_TWICE], stdout=write, stderr=subprocess.PIPE, text=True, check=False, timeout=60
    )
    os.close(write)
    assert (ended.returncode, ended.stderr) == (0, "stopped\n")


def test_in_a_pipe_no_line_of_a_report_ends_with_spaces(capsys):
    console = report_console()
    console.print(columns([("ID", Text("wide as can be")), ("a longer one", Text("narrow", style="dim"))]))
    console.print(Text("below  "))
    assert capsys.readouterr().out == "ID            wide as can be\na longer one  narrow\nbelow\n"
