"""The commands of a deployment on the books service and the local AWS: template, plan, and a changed line going live.

The first deployment installs and builds, and is not counted. The budget is 0.5 s for the template, 2 s for a plan of
nothing and 5 s for a changed line from the command to its end; each command is timed as a whole.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from dev import COMMAND, PORT, copy, start, stop
from measured import AS_INSTALLED

STAGE = "bench"
"""Not the one that `dev` keeps up to date by itself."""


def run(command: str, service: Path, *options: str) -> str:
    """Run one command of `fastlambda` to its end and return its document."""
    arguments = [COMMAND, command, service, "--stage", STAGE, *options]
    return subprocess.run(arguments, env=AS_INSTALLED, capture_output=True, check=True, text=True).stdout


def template(service: Path) -> None:
    """Render the template."""
    run("template", service)


def plan(service: Path) -> None:
    """Plan, and see that nothing is to do."""
    if not json.loads(run("plan", service, "--local", "--json"))["empty"]:
        raise SystemExit("the plan of an unchanged service is not empty")


def deploy(service: Path) -> None:
    """Change a line of the code, deploy, and see that it is a release."""
    with (service / "demo" / "main.py").open("a", encoding="utf-8") as source:
        source.write(f"CHANGED_AT = {time.time_ns()}\n")
    if json.loads(run("deploy", service, "--local", "--json", "--yes"))["release"] is None:
        raise SystemExit("a changed line was not deployed")


def report(name: str, work: Callable[[Path], None], service: Path, rounds: int) -> None:
    """Time a command and print its median and the slowest."""
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        work(service)
        seconds.append(time.perf_counter() - began)
    print(f"{name:24} median {statistics.median(seconds):5.2f} s   max {max(seconds):5.2f} s")


def main(rounds: int) -> None:
    """Time every command without and with a running `dev`."""
    with tempfile.TemporaryDirectory() as folder, httpx.Client(base_url=f"http://127.0.0.1:{PORT}") as client:
        service = copy(Path(folder) / "books")
        run("deploy", service, "--local", "--json", "--yes")
        report("template", template, service, rounds)
        report("plan", plan, service, rounds)
        report("deploy", deploy, service, rounds)
        process, _ = start(service, client)
        try:
            report("plan beside dev", plan, service, rounds)
            report("deploy beside dev", deploy, service, rounds)
        finally:
            stop(process)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    main(parser.parse_args().rounds)
