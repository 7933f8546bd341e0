"""Invoke of a warm function: ours, AWS's own runtime interface emulator and ministack's executor, in one run.

Every client keeps its connection and asks again at once. There are as many clients as environments: ours and ministack
have them behind one address; the runtime interface emulator has one environment and no more, and is started as often.
Its function's output goes to /dev/null; ours is read, parsed and kept. The rounds alternate, in random order.

The goals, as ratios: a median of at most 0.8 and, with two environments, a throughput of at least 1.5 of the runtime
interface emulator's, and 50 times ministack's.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from clients import Asked, ask
from lambdas import EVENTS, emulated, ministack, ours, runtime_interface_emulator
from measured import table

OURS, AWS, MINISTACK = "fastlambda", "aws-lambda-rie", "ministack"
WARM_UP = 50

Targets = Mapping[str, Sequence[Asked]]


def compare(targets: Targets, rounds: int, seconds: float) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Median milliseconds and requests a second of each target, by the round."""
    latency: dict[str, list[float]] = {name: [] for name in targets}
    throughput: dict[str, list[float]] = {name: [] for name in targets}
    for clients in targets.values():
        ask(clients, requests=WARM_UP * len(clients))
    for _ in range(rounds):
        for name in random.sample(list(targets), k=len(targets)):
            answered = ask(targets[name], seconds=seconds)
            latency[name].append(answered.median_ms)
            throughput[name].append(answered.per_second)
    return latency, throughput


def main(rounds: int, seconds: float, environments: Sequence[int], names: Sequence[str]) -> None:
    """Print a table for each function and each number of environments."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        program = stack.enter_context(runtime_interface_emulator())
        local = stack.enter_context(ours(folder, max(environments)))
        (folder / "ministack").mkdir()
        other = stack.enter_context(ministack(folder / "ministack"))
        for name in names:
            for count in environments:
                with emulated(program, local.specs[name], count) as emulators:
                    targets = {AWS: emulators, OURS: local.asked(name, count)}
                    if name == "noop":
                        targets[MINISTACK] = [Asked(other, EVENTS[name])] * count
                    latency, throughput = compare(targets, rounds, seconds)
                load = os.getloadavg()[0]
                print(f"\n{name}, {count} environment(s), load {load:.1f}")
                print(f"median latency\n{table('ms', latency, base=AWS)}")
                print(f"throughput\n{table('/s', throughput, base=AWS)}", flush=True)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--seconds", type=float, default=1.0)
    options.add_argument("--environments", type=int, nargs="+", default=[1, 2, 8])
    options.add_argument("--functions", nargs="+", choices=list(EVENTS), default=list(EVENTS))
    chosen = options.parse_args()
    main(chosen.rounds, chosen.seconds, chosen.environments, chosen.functions)
