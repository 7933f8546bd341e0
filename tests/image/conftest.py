"""A registry and a client of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from image_registry import ImageRegistry, image_registry
from images import Client


@pytest.fixture
def registry() -> Iterator[ImageRegistry]:
    """A registry that is empty."""
    with image_registry() as running:
        yield running


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """A client with an empty cache."""
    return Client(tmp_path / "client")
