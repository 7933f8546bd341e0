"""Fixtures: handlers in real awslambdaric processes, shared by the tests of a module that use the same source."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from deployed_function import VERSION, DeployedFunction, deployed

from fastlambda_cli.local.packages import install_runtime

Deploy = Callable[..., DeployedFunction]


@pytest.fixture(scope="session")
def runtime_dir() -> Path:
    """What Lambda's runtime brings, installed as `dev` installs it."""
    return asyncio.run(install_runtime(Path(sys.executable), VERSION, lambda _: None))


@pytest.fixture(scope="module")
def deploy(tmp_path_factory: pytest.TempPathFactory, runtime_dir: Path) -> Iterator[Deploy]:
    """Start a handler's source as a function; `fresh` for a test that is about the environment's first events."""
    running: dict[tuple[str, ...], DeployedFunction] = {}
    with ExitStack() as stack:

        def start(source: str, *, fresh: bool = False, **variables: str) -> DeployedFunction:
            key = (source, *sorted(f"{name}={value}" for name, value in variables.items()))
            if fresh or key not in running:
                folder = tmp_path_factory.mktemp("function")
                function = stack.enter_context(deployed(folder, source, runtime_dir, variables))
                if fresh:
                    return function
                running[key] = function
            return running[key]

        yield start
