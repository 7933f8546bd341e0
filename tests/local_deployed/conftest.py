"""A local AWS that functions are deployed into, through boto3 and nothing else."""

from __future__ import annotations

import psutil
import pytest
from background import eventually
from deployed_functions import running


@pytest.fixture(scope="session")
def aws(tmp_path_factory):
    """One local AWS for every test that leaves it alive."""
    with running(tmp_path_factory.mktemp("deployed")) as started:
        yield started


@pytest.fixture(scope="session")
def start_aws():
    """Start a local AWS of the test's own: `with start_aws(directory) as aws`."""
    return running


@pytest.fixture(scope="session")
def eventually_gone():
    """Wait until a process is no more."""
    return lambda pid: eventually(lambda: not psutil.pid_exists(pid))
