"""INIT of the books service: spawn to first `/next`, with its secret fetched, under the runtime and the plain handler.

Both handlers are compiled ahead with unchecked-hash bytecode, as a deployment package should be. Every INIT is a real
awslambdaric process with Lambda's environment variables, and Secrets Manager is the local cloud's, over plain HTTP: the
TLS handshake with AWS is in neither figure.
"""

from __future__ import annotations

import argparse
import asyncio
import compileall
import dataclasses
import py_compile
import random
import shutil
import tempfile
import time
from pathlib import Path

from measured import table

from fastlambda_cli.local.aws import LocalAws
from fastlambda_cli.local.function import FunctionSpec
from fastlambda_cli.local.function.environment import ExecutionEnvironment
from fastlambda_cli.local.model import TelemetryEvent
from fastlambda_cli.local.packages import prepare
from fastlambda_cli.local.processes import ProcessRegistry
from fastlambda_cli.local.xray import XrayReceiver
from fastlambda_cli.service.load import load_service

BOOKS = Path(__file__).parents[1] / "examples" / "books"
HANDLERS = {"plain": "plain_handler.handler", "runtime": "lambda_handler.handler"}


def ignore(_: TelemetryEvent) -> None:
    """Tell nobody."""


async def main(rounds: int) -> None:
    """Run the rounds and print the table."""
    service = load_service(BOOKS)
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        importable = await prepare(service, BOOKS / ".fastlambda", print_notice)
        root = state / "task"
        shutil.copytree(BOOKS, root, ignore=shutil.ignore_patterns(".fastlambda", "__pycache__", "tests", ".venv"))
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        for compiled in (root, importable.packages, importable.runtime_dir):
            compileall.compile_dir(compiled, quiet=2, invalidation_mode=mode, workers=2, force=True)
        async with XrayReceiver(ignore) as xray, LocalAws(state / "aws", ignore, port=0) as aws:
            variables = await aws.ensure_secrets(service)
            spec = FunctionSpec(
                name=service.name,
                handler="",
                task_root=root,
                packages=importable.packages,
                runtime_dir=importable.runtime_dir,
                python=importable.python,
                runtime=importable.runtime,
                memory_mb=1024,
                timeout=30,
                endpoint_url=aws.endpoint_url,
                xray_address=xray.address,
                variables={
                    "POWERTOOLS_SERVICE_NAME": service.name,
                    "POWERTOOLS_METRICS_NAMESPACE": "FastAPIBooks",
                    "DATABASE_URL": f"sqlite+aiosqlite:///{state}/books.db",
                    **service.configuration.environment,
                    **variables,
                },
            )
            registry = ProcessRegistry(state / "processes")
            samples = await measure(spec, registry, rounds)
    print(table("ms", samples, base="plain"))


async def measure(spec: FunctionSpec, registry: ProcessRegistry, rounds: int) -> dict[str, list[float]]:
    """One INIT of each per round, in random order, after one of each that is not counted."""
    samples: dict[str, list[float]] = {name: [] for name in HANDLERS}
    for number in range(rounds + 1):
        for name in random.sample(list(HANDLERS), k=len(HANDLERS)):
            environment = ExecutionEnvironment(
                dataclasses.replace(spec, handler=HANDLERS[name]), number, registry, ignore
            )
            began = time.perf_counter()
            await environment.start()
            elapsed = (time.perf_counter() - began) * 1000
            await environment.end(grace=0)
            if number:
                samples[name].append(elapsed)
    return samples


def print_notice(event: TelemetryEvent) -> None:
    """Say what the installation does."""
    print(getattr(event, "text", event))


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=20)
    asyncio.run(main(options.parse_args().rounds))
