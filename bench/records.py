"""What a message costs in a batch of 100: consumers with their dependencies against Powertools' batch processors.

Both sides validate the same Pydantic model, have Powertools' Logger, Tracer and Metrics round the batch, write their
lines and send their segments for real. What is handled is nothing: a book's pages are added up. So nothing but the
machinery is measured, in CPU time of the process, user and system, per message. Powertools' dependencies are called by
hand. "Traced", each message has its subsegment; "observed", also the keys and the metric that a consumer's have. With
`--row` every message looks a row up in SQLite through SQLAlchemy, in a session and a transaction of its own.
`--instructions` counts under Valgrind. `--in-turn` has batches of the bare processors and of the consumer follow each
other in one process, a batch of each per round, which tells them apart on a machine with other work to do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from batched import CONTEXT, MESSAGES, SIDES, batch
from measured import table

WARM_UP = 10
IN_TURN = "in turn"
TRACING = ("off", "unsampled", "sampled")
TITLES = {
    "empty": "an empty consumer",
    "dependency": "one async dependency",
    "yield": "one dependency with yield",
    "row": "a row looked up in a session of its own",
    "thread": "a consumer that is no coroutine",
}


def sides_of(case: str) -> list[str]:
    """Return who can do it: a session of SQLAlchemy's asyncio is none for BatchProcessor."""
    return [name for name in SIDES if case != "row" or not name.startswith("BatchProcessor")]


def bare_sides_of(case: str) -> list[str]:
    """Return those of them that do nothing beside."""
    return [name for name in sides_of(case) if "," not in name]


def work(side: str, case: str, batches: int, tracing: str) -> None:
    """In a process of its own: print the median microseconds of a message on stderr."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    handler, event = SIDES[side](case), batch()
    samples = []
    for number in range(WARM_UP + batches):
        root = f"1-67891233-{number:024x}"
        os.environ["_X_AMZN_TRACE_ID"] = f"Root={root};Parent=53995c3f42cd8ad8;Sampled={int(tracing == 'sampled')}"
        began = time.process_time()
        answer = handler(event, CONTEXT)
        if number >= WARM_UP:
            samples.append((time.process_time() - began) * 1e6 / MESSAGES)
        if answer != {"batchItemFailures": []}:
            raise SystemExit(f"{side} answered {answer}")
    print(statistics.median(samples or [0]), file=sys.stderr)
    sys.stderr.flush()
    os._exit(0)  # the loops and their threads end with the process


def work_in_turn(case: str, batches: int, tracing: str) -> None:
    """In a process of its own: print the microseconds of a message, of each side and batch, as JSON on stderr."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    # The consumer first: FastLambda tunes INIT before Pydantic is imported.
    handlers = {side: SIDES[side](case) for side in sorted(bare_sides_of(case), key=lambda side: side != "consumer")}
    event = batch()
    samples: dict[str, list[float]] = {side: [] for side in bare_sides_of(case)}
    for number in range(WARM_UP + batches):
        for side, sampled in samples.items():
            root = f"1-67891233-{number:024x}"
            os.environ["_X_AMZN_TRACE_ID"] = f"Root={root};Parent=53995c3f42cd8ad8;Sampled={int(tracing == 'sampled')}"
            began = time.process_time()
            answer = handlers[side](event, CONTEXT)
            if number >= WARM_UP:
                sampled.append((time.process_time() - began) * 1e6 / MESSAGES)
            if answer != {"batchItemFailures": []}:
                raise SystemExit(f"{side} answered {answer}")
    print(json.dumps(samples), file=sys.stderr)
    sys.stderr.flush()
    os._exit(0)


def environment(tracing: str, xray_port: int) -> dict[str, str]:
    """The part of Lambda's environment variables that the libraries read."""
    return {
        **{name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ},
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_REGION": "us-east-1",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{xray_port}",
        "LAMBDA_TASK_ROOT": str(Path(__file__).parent),
        "POWERTOOLS_METRICS_NAMESPACE": "Bench",
        "POWERTOOLS_SERVICE_NAME": "bench",
        "PYTHONHASHSEED": "0",
        **({"POWERTOOLS_TRACE_DISABLED": "true"} if tracing == "off" else {}),
    }


def run(side: str, case: str, batches: int, tracing: str, xray_port: int, under: Sequence[str] = ()) -> str:
    """Return what the process of a side says at its end."""
    done = subprocess.run(
        [
            *under,
            sys.executable,
            __file__,
            f"--side={side}",
            f"--case={case}",
            f"--batches={batches}",
            f"--tracing={tracing}",
        ],
        env=environment(tracing, xray_port),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stderr


def measure(case: str, rounds: int, batches: int, tracing: str, xray_port: int) -> dict[str, list[float]]:
    """Run one process of each side per round, in random order."""
    sides = sides_of(case)
    samples: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side in random.sample(sides, k=len(sides)):
            samples[side].append(float(run(side, case, batches, tracing, xray_port).split()[-1]))
    return samples


def count(case: str, tracing: str, xray_port: int) -> dict[str, list[float]]:
    """Return the thousands of instructions of a message: of ten batches more than ten, in a process each."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise SystemExit("--instructions needs Valgrind, and there is none on PATH")
    under = [valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    counts: dict[str, list[float]] = {}
    for side in sides_of(case):
        collected = []
        for batches in (0, 10):
            found = re.search(r"Collected : (\d+)", run(side, case, batches, tracing, xray_port, under))
            assert found is not None  # noqa: S101 - Callgrind always says it
            collected.append(int(found[1]))
        counts[side] = [(collected[1] - collected[0]) / (10 * MESSAGES * 1000)]
    return counts


def report(case: str, tracing: str, unit: str, samples: Mapping[str, Sequence[float]]) -> None:
    """Print a table."""
    print(f"\n{TITLES[case]}, tracing {tracing}\n{table(unit, samples, base=next(iter(samples)))}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracing", choices=TRACING, default="unsampled")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batches", type=int, default=30)
    parser.add_argument("--row", action="store_true", help="look a row up for every message")
    parser.add_argument("--instructions", action="store_true", help="count instructions under Valgrind, once each")
    parser.add_argument("--in-turn", action="store_true", help="one process for all sides, whose batches take turns")
    parser.add_argument("--case", choices=TITLES)
    parser.add_argument("--side", choices=[*SIDES, IN_TURN], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side == IN_TURN:
        work_in_turn(options.case, options.batches, options.tracing)
        return
    if options.side:
        work(options.side, options.case, options.batches, options.tracing)
        return
    cases = [options.case] if options.case else ["row"] if options.row else ["empty", "dependency", "yield", "thread"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        port = daemon.getsockname()[1]
        for case in cases:
            if options.in_turn:
                said = run(IN_TURN, case, options.batches, options.tracing, port)
                report(case, options.tracing, "µs", json.loads(said.splitlines()[-1]))
            elif options.instructions:
                report(case, options.tracing, "k", count(case, options.tracing, port))
            else:
                samples = measure(case, options.rounds, options.batches, options.tracing, port)
                report(case, options.tracing, "µs", samples)


if __name__ == "__main__":
    main()
