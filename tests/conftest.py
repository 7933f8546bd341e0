"""What all rooms share, and the order of the suite.

The files that take longest come first, so that no worker is left alone with one of them. A file is run by one worker
(`--dist=loadfile` in pyproject.toml), so that what its tests share is started once.
"""

from __future__ import annotations

import compileall
import gc
import os
import signal
import sys
from pathlib import Path

import pytest

from local_aws import local_aws, unique

__all__ = ["local_aws", "unique"]

TESTS = Path(__file__).parent

SECONDS = {
    "e2e/test_dev_lifecycle.py": 50,
    "e2e/test_steady_load.py": 31,
    "deploy/test_rollback.py": 31,
    "local_aws/test_emulator.py": 30,
    "artifact/test_running.py": 30,
    "e2e/test_dev_events.py": 29,
    "deploy/test_image.py": 28,
    "deploy/test_functions.py": 27,
    "image/test_running.py": 27,
    "deploy/test_deploy.py": 27,
    "e2e/test_dev_stack.py": 25,
    "../examples/books/tests/test_handlers.py": 23,
    "deploy/test_interrupted.py": 22,
    "cli/test_deploying.py": 22,
    "e2e/test_deploying_at_a_terminal.py": 22,
    "e2e/test_dev_saves.py": 21,
    "image/test_building.py": 21,
    "local_events/test_sqs.py": 18,
    "artifact/test_dependencies.py": 16,
    "deploy/test_unhealthy.py": 16,
    "runtime/test_tracing.py": 16,
    "deploy/test_destroy.py": 15,
    "e2e/test_init.py": 13,
    "../examples/books/tests/test_database.py": 13,
    "deploy/test_looking.py": 12,
    "artifact/test_other_pythons.py": 12,
    "deploy/test_at_once.py": 12,
    "deploy/test_unasked.py": 11,
    "contract/test_event_sources.py": 11,
    "artifact/test_zip.py": 11,
    "e2e/test_bad_input.py": 10,
    "e2e/test_dev_functions.py": 9,
    "idempotency/test_consumers.py": 10,
    "template/test_golden.py": 10,
    "deploy/test_dockerfile.py": 9,
    "image/test_dockerfile_builds.py": 9,
    "events/test_batches.py": 9,
    "runtime/test_logging.py": 8,
    "local_deployed/test_lifecycle.py": 8,
    "serve/test_process.py": 8,
    "local_cloud/test_standing.py": 8,
    "local_aws/test_toolchain.py": 8,
    "runtime/test_lifespan.py": 6,
    "e2e/test_books_events.py": 6,
    "e2e/test_books_on_dev.py": 6,
    "deploy_parts/test_bootstrap.py": 6,
    "local_function/test_lifecycle.py": 6,
    "e2e/test_dev_stage.py": 6,
    "events/test_single_events.py": 6,
    "deploy_parts/test_localised.py": 6,
    "template/test_deployer_policies.py": 6,
    "../examples/books/tests/test_events.py": 5,
    "local_deployed/test_http_apis.py": 5,
    "events/test_import_budget.py": 5,
}
"""What a file takes on a quiet machine, for those of more than five seconds; the others come after them."""


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in a shell's background job; what ignores a Ctrl-C has children that do, and they are to be ended with one.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int | None:
    """Half as many again as there are processors: much of the time is spent waiting for other processes."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    processors = os.cpu_count() or 1
    return processors + processors // 2


def pytest_configure(config: pytest.Config) -> None:
    """Compile the sources once, where no process may write bytecode: the suite starts hundreds of the command."""
    if sys.dont_write_bytecode and not hasattr(config, "workerinput"):
        for sources in (TESTS.parent / "packages").glob("*/src"):
            compileall.compile_dir(sources, quiet=1)


def pytest_collection_finish() -> None:
    """Keep what was imported out of every later collection of garbage: it is not, and there is much of it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def pytest_sessionfinish() -> None:
    """As above: pytest is about to collect garbage five times, to find exceptions that nobody has seen."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    seconds = {(TESTS / name).resolve(): taken for name, taken in SECONDS.items()}
    if gone := [path for path in seconds if not path.is_file()]:
        raise pytest.UsageError(f"{Path(__file__).name} has the seconds of files that are gone: {gone}")
    items.sort(key=lambda item: -seconds.get(item.path, 0))
