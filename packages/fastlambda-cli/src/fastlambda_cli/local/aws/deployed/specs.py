"""A deployed version's configuration, as what an execution environment is made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.local.aws.deployed.runtimes import InstalledRuntime
from fastlambda_cli.local.aws.model import Surroundings
from fastlambda_cli.local.function import FunctionSpec

_WORKERS_PER_VCPU = 16
_GIB_PER_VCPU = 2.0

_DECIDING = (
    "CapacityProviderConfig",
    "CodeSha256",
    "Environment",
    "EphemeralStorage",
    "Handler",
    "ImageConfigResponse",
    "ImageUri",
    "Layers",
    "LoggingConfig",
    "MemorySize",
    "PackageType",
    "Role",
    "Runtime",
    "Timeout",
    "TracingConfig",
)
"""What of a configuration an execution environment is made of: with any other value it is another environment."""


def digest(configuration: Mapping[str, Any]) -> str:
    """Name what the environments of a version are made of."""
    deciding = {key: configuration.get(key) for key in _DECIDING}
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()


def spec(
    configuration: Mapping[str, Any],
    *,
    handler: str,
    code: Path,
    runtime: InstalledRuntime,
    surroundings: Surroundings,
    most_workers: int,
    keys: Keys,
) -> FunctionSpec:
    """Describe the environments of a version.

    Args:
        configuration: As GetFunctionConfiguration shows it (AWS Lambda API Reference).
        handler: `module.attribute`.
        code: The unpacked deployment package, which is /var/task on Lambda.
        runtime: What runs it.
        surroundings: What it finds round itself.
        most_workers: How many events the function may run at once, and so no environment more.
        keys: What the function signs with.

    """
    logging = configuration.get("LoggingConfig", {})
    workers = _workers(configuration, most_workers)
    described = FunctionSpec(
        name=configuration["FunctionName"],
        handler=handler,
        task_root=code,
        packages=code,
        runtime_dir=runtime.runtime_dir,
        python=runtime.python,
        runtime=runtime.name,
        memory_mb=configuration["MemorySize"],
        timeout=configuration["Timeout"],
        endpoint_url=surroundings.endpoint_url,
        xray_address=surroundings.xray_address,
        keys=keys,
        variables=configuration.get("Environment", {}).get("Variables", {}),
        version=configuration["Version"],
        log_format=logging.get("LogFormat", "Text"),
        log_level=logging.get("ApplicationLogLevel", "INFO"),
        system_log_level=logging.get("SystemLogLevel", "INFO"),
        log_group=logging.get("LogGroup", ""),
        tracing=configuration.get("TracingConfig", {}).get("Mode") == "Active",
        keeps_bytecode=True,
        workers=workers,
        own_files=surroundings.own_files,
        ephemeral_storage_mb=configuration.get("EphemeralStorage", {}).get("Size", 512),
    )
    return described if workers is None else described.managed


def _workers(configuration: Mapping[str, Any], most: int) -> int | None:
    """How many events an environment of Lambda Managed Instances runs at once; None for all other functions.

    Without a number of its own it is 16 for every vCPU, of which there is one for every 2 GB if nothing else is said
    (AWS Lambda Developer Guide, "Python runtime for Lambda Managed Instances").
    """
    managed = configuration.get("CapacityProviderConfig", {}).get("LambdaManagedInstancesCapacityProviderConfig")
    if managed is None:
        return None
    gib_per_vcpu = float(managed.get("ExecutionEnvironmentMemoryGiBPerVCpu", _GIB_PER_VCPU))
    vcpus = max(1, round(configuration["MemorySize"] / 1024 / gib_per_vcpu))
    wanted = int(managed.get("PerExecutionEnvironmentMaxConcurrency", _WORKERS_PER_VCPU * vcpus))
    return min(wanted, most)
