"""A laboratory for the local Lambda: a handler's source goes in, real awslambdaric processes run it."""

from __future__ import annotations

import asyncio
import json
import sys
import textwrap
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from access_keys import NOBODYS

from fastlambda_cli.local.function import FunctionSpec, LambdaFunction
from fastlambda_cli.local.model import Invocation, InvokeResult, LogLine, Notice, TelemetryEvent
from fastlambda_cli.local.packages import install_runtime
from fastlambda_cli.local.processes import ProcessRegistry
from fastlambda_cli.local.xray import XrayReceiver

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHON = Path(sys._base_executable)  # noqa: SLF001 - the interpreter itself, outside the tests' environment


@dataclass
class Laboratory:
    """One function in a folder of its own; `seen` is everything its sink was told."""

    folder: Path
    runtime_dir: Path
    seen: list[TelemetryEvent] = field(default_factory=list)
    function: LambdaFunction = field(init=False)
    registry: ProcessRegistry = field(init=False)

    def write(self, source: str) -> None:
        (self.folder / "lambda_handler.py").write_text(textwrap.dedent(source), encoding="utf-8")

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.seen if isinstance(event, kind)]

    def lines(self) -> list[str]:
        return [event.text for event in self.of(LogLine)]

    async def invoke(self, event: Any = None, **options: Any) -> InvokeResult:
        return await self.function.invoke(Invocation(json.dumps(event).encode(), **options))

    def run(
        self, source: str, scenario: Callable[[Laboratory], Awaitable[Any]], *, concurrency: int = 4, **spec: Any
    ) -> Any:
        """Run the scenario against a function with this handler, and end everything afterwards."""

        async def whole() -> Any:
            self.write(source)
            self.registry = ProcessRegistry(self.folder / "processes")
            async with XrayReceiver(self.seen.append) as xray:
                defaults = {"name": "books", "handler": "lambda_handler.handler", "memory_mb": 512, "timeout": 20}
                defaults |= {"python": PYTHON, "keys": NOBODYS}
                options = defaults | {"endpoint_url": "http://127.0.0.1:9", "xray_address": xray.address} | spec
                paths = {"task_root": self.folder, "packages": self.folder, "runtime_dir": self.runtime_dir}
                self.function = LambdaFunction(
                    FunctionSpec(runtime=f"python{VERSION}", **paths, **options),
                    registry=self.registry,
                    sink=self.seen.append,
                    concurrency=concurrency,
                )
                try:
                    return await scenario(self)
                finally:
                    await self.function.close()

        return asyncio.run(whole())


@pytest.fixture(scope="session")
def runtime_dir() -> Path:
    """What Lambda's runtime brings, installed as `dev` installs it."""
    notices: list[TelemetryEvent] = []
    folder = asyncio.run(install_runtime(PYTHON, VERSION, notices.append))
    assert all(isinstance(notice, Notice) for notice in notices)
    return folder


@pytest.fixture
def laboratory(tmp_path: Path, runtime_dir: Path) -> Laboratory:
    """A laboratory in an empty folder."""
    return Laboratory(tmp_path.resolve(), runtime_dir)
