"""What all rooms share, and the order of the suite.

The files that take longest come first, so that no worker is left alone with one of them. A file is run by one worker
(`--dist=loadfile` in pyproject.toml), so that what its tests share is started once, and so are whole rooms (`by_room`).
"""

from __future__ import annotations

import compileall
import gc
import os
import signal
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from by_room import ByRoom, room_of
from slow import leave_out_slow, pytest_configure_node, pytest_terminal_summary

from local_aws import local_aws, unique

__all__ = ["local_aws", "pytest_configure_node", "pytest_terminal_summary", "unique"]

TESTS = Path(__file__).parent

SECONDS = {
    "e2e/test_dev_lifecycle.py": 47,
    "artifact/test_running.py": 45,
    "local_aws/test_emulator.py": 30,
    "deploy/test_rollback.py": 27,
    "artifact/test_dependencies.py": 27,
    "e2e/test_steady_load.py": 26,
    "../examples/books/tests/test_handlers.py": 26,
    "image/test_running.py": 25,
    "local_events/test_killed_environments.py": 25,
    "image/test_building.py": 23,
    "deploy/test_deploy.py": 23,
    "deploy/test_image.py": 22,
    "local_events/test_sqs.py": 20,
    "artifact/test_other_pythons.py": 20,
    "e2e/test_dev_saves.py": 20,
    "deploy/test_interrupted.py": 19,
    "runtime/test_tracing.py": 19,
    "deploy/test_functions.py": 18,
    "contract/test_event_sources.py": 18,
    "../examples/books/tests/test_database.py": 17,
    "../examples/books/tests/test_api.py": 16,
    "e2e/test_deploying_at_a_terminal.py": 16,
    "artifact/test_zip.py": 16,
    "e2e/test_dev_stack.py": 15,
    "deploy/test_unhealthy.py": 15,
    "e2e/test_books_events.py": 14,
    "template/test_golden.py": 14,
    "idempotency/test_consumers.py": 14,
    "runtime/test_logging.py": 13,
    "e2e/test_dev_events.py": 13,
    "local_function/test_lifecycle.py": 12,
    "local_cloud/test_standing.py": 12,
    "deploy/test_looking.py": 12,
    "cli/test_deploying.py": 11,
    "runtime/test_lifespan.py": 11,
    "runtime/test_startup.py": 10,
    "deploy/test_destroy.py": 10,
    "deploy_parts/test_releases.py": 10,
    "e2e/test_init.py": 10,
    "e2e/test_books_on_dev.py": 10,
    "local_deployed/test_lifecycle.py": 10,
    "serve/test_process.py": 10,
    "image/test_faults.py": 9,
    "image/test_dockerfile_builds.py": 9,
    "deploy/test_unasked.py": 9,
    "e2e/test_bad_input.py": 9,
    "local_function/test_faults.py": 9,
    "events/test_batches.py": 9,
    "deploy_parts/test_bootstrap.py": 8,
    "template/test_deployer_policies.py": 8,
    "deploy_parts/test_localised.py": 8,
    "local_deployed/test_http_apis.py": 8,
    "aws/test_stacks.py": 8,
    "local_deployed/test_roles.py": 7,
    "e2e/test_dev_permissions.py": 7,
    "local_aws/test_toolchain.py": 7,
    "events/test_import_budget.py": 7,
    "../examples/books/tests/test_events.py": 7,
    "deploy/test_dockerfile.py": 7,
    "events/test_single_events.py": 7,
    "local_events/test_asynchronous.py": 7,
    "local_function/test_packages.py": 7,
    "idempotency/test_declarations.py": 6,
    "deploy/test_at_once.py": 6,
    "cli/test_main.py": 6,
    "runtime/test_startup_parts.py": 6,
    "secrets/test_import_budget.py": 6,
    "artifact/test_leaving_out.py": 6,
    "secrets/test_secretsmanager.py": 6,
    "runtime/test_metrics.py": 6,
}
"""What a file takes on a quiet machine, for those of more than five seconds; the others come after them."""


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in a shell's background job; what ignores a Ctrl-C has children that do, and they are to be ended with one.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """Half as many again as there are processors: much of the time is spent waiting for other processes."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    processors = os.cpu_count() or 1
    return processors + processors // 2


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByRoom | None:
    return ByRoom(config, log) if config.getvalue("dist") == "loadfile" else None


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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    leave_out_slow(config, items)
    seconds = {(TESTS / name).resolve(): taken for name, taken in SECONDS.items()}
    if gone := [path for path in seconds if not path.is_file()]:
        raise pytest.UsageError(f"{Path(__file__).name} has the seconds of files that are gone: {gone}")
    rooms: Counter[str] = Counter()
    for path, taken in seconds.items():
        if room := room_of(str(path.relative_to(TESTS.parent))):
            rooms[room] += taken

    def whole(item: pytest.Item) -> float:
        room = room_of(str(item.path.relative_to(TESTS.parent)))
        return rooms[room] if room else seconds.get(item.path, 0)

    items.sort(key=lambda item: -whole(item))


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have services without a lock get no version that is newer than the suite's own packages."""
    project = tomllib.loads((TESTS.parent / "pyproject.toml").read_text(encoding="utf-8"))
    monkeypatch.setenv("UV_EXCLUDE_NEWER", project["tool"]["uv"]["exclude-newer"])
