"""A function that is run from an unzipped artifact, in Lambda's own order: the zip, then what the runtime brings."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from access_keys import NOBODYS
from http_events import http_api

from fastlambda_cli.artifact.interpreter import OWN, own_python
from fastlambda_cli.local.function import FunctionSpec, LambdaFunction
from fastlambda_cli.local.model import Invocation
from fastlambda_cli.local.packages import install_runtime
from fastlambda_cli.local.processes import ProcessRegistry
from fastlambda_cli.local.xray import XrayReceiver


def answer_of(folder: Path, path: str) -> Any:
    """What the function in a folder answers to a GET."""

    async def invoke() -> Any:
        runtime_dir = await install_runtime(own_python(), OWN, lambda _: None)
        async with XrayReceiver(lambda _: None) as xray:
            spec = FunctionSpec(
                name="mine",
                handler="lambda_handler.handler",
                task_root=folder,
                packages=folder,
                runtime_dir=runtime_dir,
                python=own_python(),
                runtime=f"python{OWN}",
                memory_mb=512,
                timeout=20,
                endpoint_url="http://127.0.0.1:9",
                xray_address=xray.address,
                keys=NOBODYS,
            )
            registry = ProcessRegistry(folder.parent / "processes")
            function = LambdaFunction(spec, registry=registry, sink=lambda _: None, concurrency=1)
            try:
                return await function.invoke(Invocation(json.dumps(http_api(path)).encode()))
            finally:
                await function.close()

    result = asyncio.run(invoke())
    assert result.function_error is None, result.payload
    return json.loads(result.payload)
