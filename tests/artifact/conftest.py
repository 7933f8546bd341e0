"""Builds of small services that share a cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from built_artifacts import Built, built, service_in


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that all tests share which do not ask what a first build does."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def build_of(tmp_path: Path, cache: Path) -> Callable[..., Built]:
    """Builds the service that these files make."""

    def make(files: dict[str, str | bytes] | None = None, **options: Any) -> Built:
        return built(service_in(tmp_path / "service", files, **options), cache)

    return make
