"""Running copies of the books service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dev_command import Dev, copy_of_books, running


@pytest.fixture
def books(tmp_path: Path) -> Path:
    """A fresh copy of the books service."""
    return copy_of_books(tmp_path / "books")


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    """One `dev` of the books service that all tests of a module share."""
    with running(copy_of_books(tmp_path_factory.mktemp("shared") / "books")) as dev:
        yield dev
