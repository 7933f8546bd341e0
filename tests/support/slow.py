"""The slowest tests, one in thirty: a run of everything leaves them to a run of their own.

They take half of the suite's time, and are marked `slow` one by one. Whoever names what to run (paths, `-k`,
`-m`) gets all of it.
"""

from __future__ import annotations

from typing import Any

import pytest

_LEFT_OUT = "leave_out_slow"


def leaves_out_slow(config: pytest.Config) -> bool:
    """Whether nothing in particular was asked for."""
    if hasattr(config, "workerinput"):
        return bool(config.workerinput[_LEFT_OUT])
    everything = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return everything and not config.option.markexpr and not config.option.keyword


def leave_out_slow(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take the slow ones out of what was collected, if they are not asked for."""
    if not leaves_out_slow(config):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    items[:] = [item for item in items if not item.get_closest_marker("slow")]
    config.hook.pytest_deselected(items=slow)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist, who has other arguments than the command."""
    node.workerinput[_LEFT_OUT] = leaves_out_slow(node.config)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say what was left out: workers do not."""
    if leaves_out_slow(config):
        terminalreporter.write_line("The slow tests were left out. To run them: uv run pytest -m slow")
