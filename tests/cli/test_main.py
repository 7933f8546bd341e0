"""The console script before any command runs."""

from __future__ import annotations

import signal
import subprocess
import sys

INTERRUPTED_WHILE_IT_IMPORTS = """
import os, signal, sys

class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupts())
from fastlambda_cli.cli.main import run
run()
"""


def test_ctrl_c_while_it_still_imports_ends_it_without_a_traceback():
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_WHILE_IT_IMPORTS], capture_output=True, text=True, check=False, timeout=60
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGINT, "", "")
