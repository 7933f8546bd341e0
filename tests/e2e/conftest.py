"""Running copies of the books service."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from dev_command import Dev, copy_of_books, running

from fastlambda_cli.local.packages import prepare
from fastlambda_cli.service.load import load_service


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of the books service, installed as `dev` installs them."""
    service = load_service(copy_of_books(tmp_path_factory.mktemp("installed") / "books"))
    asyncio.run(prepare(service, service.root / ".fastlambda", lambda _: None))
    return service.root / ".fastlambda" / "packages"


@pytest.fixture
def books(tmp_path: Path, packages: Path) -> Path:
    """A fresh copy of the books service, its packages installed."""
    return copy_of_books(tmp_path / "books", packages)


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    """One `dev` of the books service that all tests of a module share, from an empty start."""
    with running(copy_of_books(tmp_path_factory.mktemp("shared") / "books")) as dev:
        yield dev
