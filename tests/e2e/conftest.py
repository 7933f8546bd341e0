"""Running services: copies of the books, and one without packages for what has nothing to do with an app."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from dev_command import Dev, copy_of_books, running

from fastlambda_cli.artifact.installation import make_state
from fastlambda_cli.local.packages import prepare
from fastlambda_cli.service.load import load_service


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of the books service, installed as `dev` installs them: once for all workers."""
    service = load_service(copy_of_books(tmp_path_factory.mktemp("installed") / "books"))
    own = tmp_path_factory.getbasetemp()
    state = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "state-of-books"
    make_state(state)
    asyncio.run(prepare(service, state, lambda _: None))
    return state / "packages"


@pytest.fixture
def books(tmp_path: Path, packages: Path) -> Path:
    """A fresh copy of the books service, its packages installed."""
    return copy_of_books(tmp_path / "books", packages)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A handler without packages that has a secret: its `dev` starts in half the time of the books'."""
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "lambda_handler.py").write_text(
        'def handler(event, context):\n    return {"statusCode": 200, "body": "hello"}\n', encoding="utf-8"
    )
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "plain"\nversion = "1"\ndependencies = []\n'
        '[tool.fastlambda]\nsecrets.app.generate = ["key"]\n',
        encoding="utf-8",
    )
    return folder


@pytest.fixture(scope="session")
def dev(tmp_path_factory: pytest.TempPathFactory, packages: Path) -> Iterator[Dev]:
    """One `dev` of the books service that many tests share; who saves a file saves it back."""
    with running(copy_of_books(tmp_path_factory.mktemp("shared") / "books", packages)) as dev:
        yield dev
