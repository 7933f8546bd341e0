"""Memory over 50,000 requests, and the processor's time while nothing happens, of the local AWS and what it starts.

Memory is the resident set of each kind of process, in MB, after every tenth of the requests; the first fill what has a
limit. The processor's time is that of all processes, over some seconds without a request, in percent of a core.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import psutil
from clients import ask
from lambdas import EVENTS, ours

_STEPS = 10
_MB = 1024 * 1024


def kind(process: psutil.Process) -> str:
    """What a process is, by its command."""
    command = " ".join(process.cmdline())
    for word, name in (("launcher", "emulator"), ("awslambdaric", "environments"), ("guardian", "guardians")):
        if word in command:
            return name
    return "local AWS"


def everyone(root: psutil.Process) -> list[psutil.Process]:
    """The process and its descendants."""
    return [root, *root.children(recursive=True)]


def resident_mb(root: psutil.Process) -> dict[str, float]:
    """MB by the kind of process."""
    sizes: dict[str, float] = {}
    for process in everyone(root):
        name = kind(process)
        sizes[name] = sizes.get(name, 0.0) + process.memory_info().rss / _MB
    return sizes


def cpu_s(root: psutil.Process) -> float:
    """Seconds of the processor that all of them have used."""
    times = [process.cpu_times() for process in everyone(root)]
    return sum(each.user + each.system for each in times)


def main(name: str, requests: int, environments: int, idle_s: float) -> None:
    """Print a line for each tenth of the requests, then the time of the processor."""
    with tempfile.TemporaryDirectory() as folder, ours(Path(folder), environments) as local:
        root = psutil.Process(local.process.pid)
        clients = local.asked(name, environments)
        columns = ("local AWS", "emulator", "environments", "guardians")
        print("requests  " + "  ".join(f"{column:>13}" for column in columns))
        for step in range(_STEPS + 1):
            if step:
                ask(clients, requests=requests // _STEPS)
            sizes = resident_mb(root)
            row = "  ".join(f"{sizes.get(column, 0.0):>10.1f} MB" for column in columns)
            print(f"{step * requests // _STEPS:>8}  {row}", flush=True)
        time.sleep(2)  # what the last requests left to do
        before = cpu_s(root)
        time.sleep(idle_s)
        print(f"idle for {idle_s:g} s: {100 * (cpu_s(root) - before) / idle_s:.2f} % of a core")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--function", choices=list(EVENTS), default="noop")
    options.add_argument("--requests", type=int, default=50_000)
    options.add_argument("--environments", type=int, default=2)
    options.add_argument("--idle", type=float, default=20.0, metavar="SECONDS")
    chosen = options.parse_args()
    main(chosen.function, chosen.requests, chosen.environments, chosen.idle)
