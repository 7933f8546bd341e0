"""The console script before any command runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from built_artifacts import service_in

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


BROKEN = """
import importlib.metadata, sys
importlib.metadata.version = lambda name: open("nothing of this name")
sys.argv = ["fastlambda", "--version"]
from fastlambda_cli.cli.main import run
run()
"""


def test_a_bug_of_ours_has_its_traceback_and_prints_nothing_else():
    ended = subprocess.run([sys.executable, "-c", BROKEN], capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "FileNotFoundError" in ended.stderr


@pytest.fixture(params=["buffered", "unbuffered"])
def command(request):
    """What runs the command line with its output as it is given; Python keeps some of it back, or none."""

    def run(arguments: str, output: int):
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        if request.param == "unbuffered":
            environment["PYTHONUNBUFFERED"] = "1"
        code = (
            f"import sys; from fastlambda_cli.cli.main import run; sys.argv = 'fastlambda {arguments}'.split(); run()"
        )
        return subprocess.run(
            [sys.executable, "-c", code],
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            check=False,
            timeout=60,
        )

    return run


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("arguments", ["--version", "schema"], ids=["little", "much"])
def test_a_full_disk_below_the_output_is_told(command, arguments):
    with Path("/dev/full").open("wb") as full:
        ended = command(arguments, full.fileno())
    assert ended.returncode == 1
    assert ended.stderr == (
        "Error: The output is not complete\n"
        "  standard output cannot be written: No space left on device\n"
        "  → Give it a place with room; what the command did besides printing is done.\n"
    )


@pytest.mark.parametrize("arguments", ["--version", "schema"], ids=["little", "much"])
def test_a_reader_who_has_had_enough_is_told_nothing(command, arguments):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = command(arguments, writing)
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (1, "")


def test_a_reader_who_has_had_enough_of_a_build_is_told_nothing_of_a_full_disk(command, tmp_path, monkeypatch):
    monkeypatch.setenv("FASTLAMBDA_CACHE_DIR", str(tmp_path / "cache"))
    service = service_in(tmp_path / "mine", dependencies=())
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = command(f"build {service.root}", writing)
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (1, "")
