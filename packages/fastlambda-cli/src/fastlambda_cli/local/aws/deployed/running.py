"""Everything that runs deployed functions, put together."""

from __future__ import annotations

import contextlib
import itertools
import random
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fastlambda_cli.local.aws.deployed.code import CodeStore
from fastlambda_cli.local.aws.deployed.functions import DeployedFunctions, Surroundings
from fastlambda_cli.local.aws.deployed.runtimes import Runtimes
from fastlambda_cli.local.aws.deployed.state import DeployedState
from fastlambda_cli.local.aws.deployed.versions import IDLE_S, Versions
from fastlambda_cli.local.guardian import guarded
from fastlambda_cli.local.model import Notice, Sink
from fastlambda_cli.local.processes import ProcessRegistry


@dataclass(frozen=True, slots=True)
class Running:
    """How deployed functions run.

    Attributes:
        concurrency: How many events a function may run at once; its reserved concurrency can only make that less.
        idle_s: Seconds without an event after which a version's environments end.
        choose: Draws a number from 0 up to 1 for every event: an alias may have weights.
        numbers: Names the environments, for people.

    """

    concurrency: int = 10
    idle_s: float = IDLE_S
    choose: Callable[[], float] = random.random
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))


@contextlib.asynccontextmanager
async def deployed_functions(
    directory: Path, state: DeployedState, sink: Sink, surroundings: Surroundings, running: Running
) -> AsyncIterator[DeployedFunctions]:
    """Run deployed functions while the block runs; what an earlier run had to leave behind is ended first.

    Args:
        directory: Where packages are unpacked and processes are recorded.
        state: What the emulator knows.
        sink: Is told what happens.
        surroundings: What the functions find round themselves.
        running: How they run.

    """
    directory.mkdir(mode=0o700, exist_ok=True)
    registry = ProcessRegistry(directory / "processes")
    if strays := registry.end_strays():
        sink(Notice(f"Ended {strays} process(es) of deployed functions that an earlier run left behind", warning=True))
    versions = Versions(registry, sink, concurrency=running.concurrency, numbers=running.numbers, idle_s=running.idle_s)
    with guarded(directory / "processes"):
        versions.start()
        try:
            functions = DeployedFunctions(
                state,
                CodeStore(directory / "code"),
                Runtimes(sink),
                versions,
                surroundings,
                sink,
                concurrency=running.concurrency,
                choose=running.choose,
            )
            try:
                yield functions
            finally:
                await functions.close()
        finally:
            await versions.close()
