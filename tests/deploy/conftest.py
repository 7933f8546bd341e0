"""Services that are deployed to one local AWS for all tests."""

from __future__ import annotations

import pytest
from deployments import Shop


@pytest.fixture
def shop(tmp_path, local_aws, unique):
    """A service of a name of its own, not deployed yet."""
    return Shop(tmp_path / "shop", local_aws, unique("shop"))
