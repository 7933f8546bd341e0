"""The service's folder: its description and its lock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fastlambda_cli.cli.checkup.check import Check, Status, attempted, failed, skipped
from fastlambda_cli.errors import FastLambdaError
from fastlambda_cli.service.load import load_service
from fastlambda_cli.service.model import Service


def project_checks(folder: Path, stage: str) -> tuple[Service | None, list[Check]]:
    """Look at the service; it comes back when it is one."""
    try:
        service = load_service(folder, stage=stage)
    except FastLambdaError as error:
        return None, [failed("service", error), *skipped(("lock", "runtime"), "there is no usable service")]
    return service, list(_service_checks(service))


def _service_checks(service: Service) -> Iterator[Check]:
    yield Check("service", Status.OK, f"{service.name}, handler {service.configuration.handler}")
    yield attempted("lock", lambda: _lock(service))
    yield _runtime(service)


def _lock(service: Service) -> Check:
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
        return Check("runtime", Status.OK, runtime)
    return Check(
        "runtime",
        Status.WARN,
        "none is named: it is the Python of whoever deploys",
        'Set runtime in [tool.fastlambda], such as "python3.13".',
    )
