"""Output to a terminal that somebody may close at any moment."""

from __future__ import annotations

import os
import subprocess
import sys

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
