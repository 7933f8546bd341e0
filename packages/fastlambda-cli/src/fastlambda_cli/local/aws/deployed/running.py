"""Everything that runs deployed functions, put together."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from fastlambda_cli.local.aws.account import AccountConcurrency
from fastlambda_cli.local.aws.deployed.code import CodeStore
from fastlambda_cli.local.aws.deployed.functions import DeployedFunctions
from fastlambda_cli.local.aws.deployed.runtimes import Runtimes
from fastlambda_cli.local.aws.deployed.state import DeployedState
from fastlambda_cli.local.aws.deployed.versions import Versions
from fastlambda_cli.local.aws.model import Running, Surroundings
from fastlambda_cli.local.guardian import guarded
from fastlambda_cli.local.model import Notice, Sink
from fastlambda_cli.local.processes import ProcessRegistry


@contextlib.asynccontextmanager
async def deployed_functions(
    directory: Path,
    state: DeployedState,
    sink: Sink,
    surroundings: Surroundings,
    running: Running,
    account: AccountConcurrency,
) -> AsyncIterator[DeployedFunctions]:
    """Run deployed functions while the block runs; what an earlier run had to leave behind is ended first.

    Args:
        directory: Where packages are unpacked and processes are recorded.
        state: What the emulator knows.
        sink: Is told what happens.
        surroundings: What the functions find round themselves.
        running: How they run.
        account: Limits how many events run at once.

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
                account,
                concurrency=running.concurrency,
                choose=running.choose,
            )
            try:
                yield functions
            finally:
                await functions.close()
        finally:
            await versions.close()
