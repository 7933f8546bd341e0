"""A local AWS whose event sources reach functions, through boto3 and nothing else."""

from __future__ import annotations

import pytest
from deployed_functions import running


@pytest.fixture(scope="session")
def aws(tmp_path_factory):
    """One local AWS for every test that leaves it alive."""
    with running(tmp_path_factory.mktemp("events")) as started:
        yield started
