"""What was started ends with its owner, also when the owner is killed and what it started is frozen."""

import contextlib
import os
import select
import signal
import subprocess
import sys

from fastlambda_cli.local.processes import ProcessRegistry

OWNER = """
import asyncio, os, signal, sys
from pathlib import Path
from fastlambda_cli.local.guardian import guarded
from fastlambda_cli.local.processes import ProcessRegistry

async def own(folder):
    registry = ProcessRegistry(folder)
    with guarded(folder):
        child = await registry.spawn(
            [sys.executable, "-c", "import time; time.sleep(600)"], env={}, cwd=folder, stdout=1, stderr=2
        )
        os.kill(child.pid, signal.SIGSTOP)
        print(child.pid, flush=True)
        if sys.argv[2] == "waits":
            await child.wait()

asyncio.run(own(Path(sys.argv[1])))
"""


@contextlib.contextmanager
def owner(folder, does):
    """An owner in a process of its own, and a descriptor of its frozen child that is readable once that has ended."""
    command = [sys.executable, "-c", OWNER, str(folder), does]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        frozen = os.pidfd_open(int(process.stdout.readline()))
        try:
            yield process, frozen
        finally:
            os.close(frozen)


def test_a_frozen_process_is_killed_when_its_owner_is_killed(tmp_path):
    with owner(tmp_path, "waits") as (process, frozen):
        process.send_signal(signal.SIGKILL)

        ended, _, _ = select.select([frozen], [], [], 10)

    assert ended


def test_a_frozen_process_that_its_owner_has_forgotten_is_killed_at_the_end(tmp_path):
    with owner(tmp_path, "leaves it") as (process, frozen):
        assert process.wait(10) == 0

        ended, _, _ = select.select([frozen], [], [], 10)

    assert ended
    assert not list(tmp_path.glob("*.json"))


def test_what_the_next_owner_has_started_meanwhile_is_left_alone(tmp_path):
    record = tmp_path / "7.json"
    record.write_text('{"pid": 7, "started": "0", "owner": 7}')
    cut_short = tmp_path / "8.json"
    cut_short.touch()

    ended = ProcessRegistry(tmp_path).end_strays(owner=6)

    assert (ended, record.exists(), cut_short.exists()) == (0, True, True)
