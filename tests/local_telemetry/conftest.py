"""One local AWS for all tests: what functions tell in it is asked through boto3."""

from __future__ import annotations

import pytest
from deployed_functions import running


@pytest.fixture(scope="session")
def aws(tmp_path_factory):
    """The local AWS."""
    with running(tmp_path_factory.mktemp("telemetry")) as started:
        yield started
