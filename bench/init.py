"""INIT of the books service, with its secret fetched, and its first request: the runtime against the plain handler.

Both handlers are compiled ahead with unchecked-hash bytecode, as a deployment package should be. Every INIT is a real
awslambdaric process with Lambda's environment variables, from its spawn to its first `/next`; the request that follows
lists the books. Secrets Manager is the local cloud's, over plain HTTP: the TLS handshake with AWS is in no figure.

CPU time is the process's own, user and system, so other work on the machine disturbs it less than it does the clock.
`--instructions` counts instead, under Valgrind's Callgrind: the import of the handler and what it does in INIT, without
the runtime client, the kernel and the collector's cache misses. Two counts of the same code differ by 0.1 %.

`--own-files` compares environments that have file systems of their own with such that share this machine's, both with
the runtime.
"""

from __future__ import annotations

import argparse
import asyncio
import compileall
import dataclasses
import json
import py_compile
import random
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from measured import table
from requested import http_event

from fastlambda_cli.local.aws import LocalAws
from fastlambda_cli.local.function import FunctionSpec
from fastlambda_cli.local.function.environment import ExecutionEnvironment
from fastlambda_cli.local.function.tracing import joined
from fastlambda_cli.local.model import Invocation, TelemetryEvent, local_arn
from fastlambda_cli.local.packages import prepare
from fastlambda_cli.local.processes import ProcessRegistry
from fastlambda_cli.local.xray import XrayReceiver
from fastlambda_cli.service.load import load_service
from fastlambda_cli.service.variables import destination_arns, function_variables

BOOKS = Path(__file__).parents[1] / "examples" / "books"
COUNTED = Path(__file__).with_name("counted.py")
HANDLERS = {"plain": "plain_handler", "runtime": "lambda_handler"}
WHAT = ("INIT, wall", "INIT, CPU", "INIT and first request, wall", "INIT and first request, CPU")

Samples = dict[str, dict[str, list[float]]]


def ignore(_: TelemetryEvent) -> None:
    """Tell nobody."""


def print_notice(event: TelemetryEvent) -> None:
    """Say what the installation does."""
    print(getattr(event, "text", event))


class LastSpawned(ProcessRegistry):
    """Knows the process that was started last."""

    pid = 0

    async def spawn(self, *arguments: Any, **options: Any) -> asyncio.subprocess.Process:
        """Start a process and remember its id."""
        process = await super().spawn(*arguments, **options)
        self.pid = process.pid
        return process

    def cpu_ms(self) -> float:
        """The CPU time of the process, all threads, in milliseconds."""
        # As clock_getcpuclockid(3) makes the clock's id on Linux; /proc counts in steps of 10 ms.
        return time.clock_gettime((~self.pid << 3) | 2) * 1000


@asynccontextmanager
async def function(state: Path) -> AsyncIterator[FunctionSpec]:
    """The books service in a folder of its own, compiled, with its AWS; the handler is still to be named."""
    service = load_service(BOOKS)
    importable = await prepare(service, state, print_notice)
    root, runtime_dir = state / "task", state / "runtime"
    shutil.copytree(BOOKS, root, ignore=shutil.ignore_patterns(".*", "__pycache__", "tests"))
    shutil.copytree(importable.runtime_dir, runtime_dir, ignore=shutil.ignore_patterns("__pycache__"))
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    for compiled in (root, importable.packages, runtime_dir):
        compileall.compile_dir(compiled, quiet=2, invalidation_mode=mode, workers=2, force=True)
    async with XrayReceiver(ignore) as xray, LocalAws(state / "aws", ignore, port=0) as aws:
        arns = await aws.ensure_secrets(service, service.name)
        destinations = destination_arns(service, service.name, local_arn)
        yield FunctionSpec(
            name=service.name,
            handler="",
            task_root=root,
            packages=importable.packages,
            runtime_dir=runtime_dir,
            python=importable.python,
            runtime=importable.runtime,
            memory_mb=1024,
            timeout=30,
            endpoint_url=aws.endpoint_url,
            xray_address=xray.address,
            keys=aws.function_keys(service.name),
            variables={
                **function_variables(service, service.name, arns, destinations),
                "DATABASE_URL": f"sqlite+aiosqlite:///{state}/books.db",
            },
        )


def by_handler(spec: FunctionSpec) -> dict[str, FunctionSpec]:
    """The function with each of the handlers."""
    return {name: dataclasses.replace(spec, handler=f"{module}.handler") for name, module in HANDLERS.items()}


async def measure(
    specs: Mapping[str, FunctionSpec],
    registry: LastSpawned,
    rounds: int,
    before: Callable[[FunctionSpec], None] = lambda _: None,
) -> Samples:
    """One environment of each function per round, in random order, after one of each that is not counted."""
    samples: Samples = {what: {name: [] for name in specs} for what in WHAT}
    event = json.dumps(http_event("/api/v1/books")).encode()
    for number in range(rounds + 1):
        for name in random.sample(list(specs), k=len(specs)):
            before(specs[name])
            environment = ExecutionEnvironment(specs[name], number, registry, ignore)
            began = time.perf_counter()
            await environment.start()
            if not environment.up:
                raise SystemExit(f"{name} failed in INIT")
            measured = [elapsed_ms(began), registry.cpu_ms()]
            trace = joined(None, active=True, sampling=lambda: True)
            began = time.perf_counter()
            answer = json.loads((await environment.run(Invocation(event), trace)).payload)
            measured += [measured[0] + elapsed_ms(began), registry.cpu_ms()]
            await environment.end(grace=0)
            if answer.get("statusCode") != 200:  # noqa: PLR2004
                raise SystemExit(f"{name} answered {answer}")
            if number:
                for what, value in zip(WHAT, measured, strict=True):
                    samples[what][name].append(value)
    return samples


def elapsed_ms(began: float) -> float:
    """Milliseconds since."""
    return (time.perf_counter() - began) * 1000


def count(specs: Mapping[str, FunctionSpec], events: int) -> dict[str, list[float]]:
    """Millions of instructions of the import of each function's handler and of a number of requests."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise SystemExit("--instructions needs Valgrind, and there is none on PATH")
    counts: dict[str, list[float]] = {}
    for name, spec in specs.items():
        environment = spec.environment("127.0.0.1:9001", spec.new_log_stream())
        interpreter = spec.command[: spec.command.index("-m")]
        done = subprocess.run(
            [
                valgrind,
                "--tool=callgrind",
                "--callgrind-out-file=/dev/null",
                *interpreter,
                COUNTED,
                spec.handler.rpartition(".")[0],
                str(events),
            ],
            env=environment | {"PYTHONHASHSEED": "0", "PATH": "/usr/bin:/bin"},
            cwd=spec.task_root,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        collected = re.search(r"Collected : (\d+)", done.stderr)
        if done.returncode or collected is None:
            raise SystemExit(done.stderr)
        counts[name] = [int(collected[1]) / 1e6]
    return counts


def by_files(spec: FunctionSpec, folder: Path) -> dict[str, FunctionSpec]:
    """The function with this machine's files and with a file system of its own, where it finds its database."""
    spec = by_handler(spec)["runtime"]
    return {"shared": spec, "own": dataclasses.replace(spec, own_files=True, writable=(folder,))}


async def main(rounds: int, *, instructions: bool, own_files: bool) -> None:
    """Print a table for each measure."""
    with tempfile.TemporaryDirectory() as folder:
        async with function(Path(folder)) as spec:
            if instructions:
                for events, what in ((0, "INIT"), (1, "INIT and first request")):
                    counts = await asyncio.to_thread(count, by_handler(spec), events)
                    print(f"\n{what}, instructions\n{table('M', counts, base='plain')}")
                return
            compared, base = (by_files(spec, Path(folder)), "shared") if own_files else (by_handler(spec), "plain")
            samples = await measure(compared, LastSpawned(Path(folder) / "processes"), rounds)
    for what, values in samples.items():
        print(f"\n{what}\n{table('ms', values, base=base)}")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--instructions", action="store_true", help="count instructions under Valgrind, once each")
    options.add_argument("--own-files", action="store_true", help="compare file systems, and not handlers")
    chosen = options.parse_args()
    asyncio.run(main(chosen.rounds, instructions=chosen.instructions, own_files=chosen.own_files))
