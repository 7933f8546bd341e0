"""A local AWS whose event sources reach functions."""

from __future__ import annotations

import contextlib

import pytest
from consumers import Sources
from deployed_functions import running


@pytest.fixture(scope="session")
def sources(tmp_path_factory):
    """One local AWS for every test that leaves it alive."""
    with running(tmp_path_factory.mktemp("events")) as aws:
        yield Sources(aws)


@pytest.fixture
def start_sources(tmp_path):
    """Start a local AWS of the test's own, on a state that stays: `with start_sources() as sources`."""

    @contextlib.contextmanager
    def start(**settings):
        with running(tmp_path, **settings) as aws:
            yield Sources(aws)

    return start
