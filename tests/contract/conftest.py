"""One cloud for all cases: the local AWS, or AWS itself with FASTLAMBDA_CONTRACT_AWS=1."""

from __future__ import annotations

import pytest
from contract_cloud import ON_AWS, running_cloud
from contract_facts import fact_of


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    with running_cloud(tmp_path_factory.mktemp("contract")) as running:
        yield running


def pytest_collection_modifyitems(items):
    for item in items:
        declared = fact_of(getattr(item, "function", None))
        if ON_AWS and declared and declared.differs:
            item.add_marker(pytest.mark.xfail(reason=f"AWS: {declared.statement}", strict=True))
