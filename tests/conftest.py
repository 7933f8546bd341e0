"""What all rooms share, and the order of the suite.

The files that take longest come first, so that no worker is left alone with one of them. A file is run by one worker
(`--dist=loadfile` in pyproject.toml), so that what its tests share is started once.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from local_aws import local_aws, unique

__all__ = ["local_aws", "unique"]

TESTS = Path(__file__).parent

SECONDS = {
    "e2e/test_steady_load.py": 23,
    "e2e/test_dev_lifecycle.py": 23,
    "artifact/test_running.py": 13,
    "deploy/test_rollback.py": 17,
    "deploy/test_deploy.py": 16,
    "image/test_running.py": 16,
    "deploy/test_interrupted.py": 15,
    "deploy/test_unhealthy.py": 15,
    "local_aws/test_emulator.py": 15,
    "e2e/test_deploying_at_a_terminal.py": 14,
    "e2e/test_dev_saves.py": 14,
    "cli/test_deploying.py": 13,
    "e2e/test_dev_events.py": 12,
    "local_events/test_sqs.py": 12,
    "artifact/test_zip.py": 10,
    "e2e/test_dev_stack.py": 10,
    "image/test_building.py": 10,
    "artifact/test_dependencies.py": 9,
    "deploy/test_unasked.py": 9,
    "e2e/test_books_on_dev.py": 9,
    "e2e/test_init.py": 9,
    "deploy/test_at_once.py": 8,
    "deploy/test_destroy.py": 8,
    "runtime/test_tracing.py": 8,
    "deploy/test_health.py": 7,
    "deploy/test_looking.py": 7,
    "e2e/test_bad_input.py": 7,
    "local_deployed/test_lifecycle.py": 7,
    "deploy_parts/test_bootstrap.py": 6,
    "local_function/test_packages.py": 6,
    "runtime/test_lifespan.py": 6,
    "runtime/test_logging.py": 6,
    "template/test_golden.py": 6,
    "../examples/books/tests/test_api.py": 10,
    "../examples/books/tests/test_handlers.py": 10,
}
"""What a file takes on a quiet machine, for those of more than five seconds; the others come after them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    seconds = {(TESTS / name).resolve(): taken for name, taken in SECONDS.items()}
    if gone := [path for path in seconds if not path.is_file()]:
        raise pytest.UsageError(f"{Path(__file__).name} has the seconds of files that are gone: {gone}")
    items.sort(key=lambda item: -seconds.get(item.path, 0))
