"""The service's folder: its description and its lock."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from fastlambda_cli.artifact.interpreter import find_python
from fastlambda_cli.artifact.lock import check_lock
from fastlambda_cli.cli.checkup.check import Check, Status, attempted, failed, skipped
from fastlambda_cli.errors import FastLambdaError
from fastlambda_cli.service.load import load_service
from fastlambda_cli.service.model import Service


def project_checks(folder: Path, stage: str) -> tuple[Service | None, list[Check]]:
    """Look at the service; it comes back when it is one.

    Args:
        folder: Where it is.
        stage: For which stage.

    """
    try:
        service = load_service(folder, stage=stage)
    except FastLambdaError as error:
        return None, [failed("service", error), *skipped(("lock", "runtime"), "there is no usable service")]
    return service, list(_service_checks(service))


def _service_checks(service: Service) -> Iterator[Check]:
    yield Check("service", Status.OK, f"{service.name}, handler {service.configuration.handler}")
    yield attempted("lock", lambda: _lock(service))
    yield attempted("runtime", lambda: _runtime(service))


def _lock(service: Service) -> Check:
    check_lock(service)
    if service.lock is not None:
        return Check("lock", Status.OK, service.lock.name)
    return Check(
        "lock",
        Status.WARN,
        "there is none: every machine resolves the dependencies for itself",
        "Make one and commit it: uv lock.",
    )


def _runtime(service: Service) -> Check:
    runtime = service.configuration.runtime
    if runtime is not None:
        version = runtime.removeprefix("python")
        if asyncio.run(find_python(version)) is not None:
            return Check("runtime", Status.OK, runtime)
        return Check(
            "runtime",
            Status.WARN,
            f"{runtime}, which is not on this machine: dev takes another, and --local cannot deploy",
            f"Run: uv python install {version}",
        )
    return Check(
        "runtime",
        Status.WARN,
        "none is named: it is the Python of whoever deploys",
        'Set runtime in [tool.fastlambda], such as "python3.13".',
    )
