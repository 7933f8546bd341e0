"""What becomes of a build when the index no longer has what the lock has."""

from __future__ import annotations

import pytest
from built_artifacts import built, service_in
from wheel_index import wheel_index

from fastlambda_cli.errors import ToolchainError


@pytest.fixture
def index(tmp_path, monkeypatch):
    """An index that uv asks and has never asked before."""
    with wheel_index(tmp_path / "index") as running:
        monkeypatch.setenv("UV_DEFAULT_INDEX", running.url)
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
        yield running


def test_a_locked_wheel_that_was_yanked_is_packed_with_a_warning_that_says_why(index, tmp_path):
    index.yank("loses books")
    service = service_in(tmp_path / "mine", {"requirements.lock": index.lock}, dependencies=("shelf",))
    result = built(service, tmp_path / "cache")
    assert result.read("shelf/__init__.py") == b"WOOD = 'oak'\n"
    assert result.warned == ['shelf==1 is locked, and its publishers have withdrawn it, for this reason: "loses books"']


def test_a_locked_wheel_that_was_deleted_is_named_nothing_is_left_and_the_next_build_works(index, tmp_path):
    service = service_in(tmp_path / "mine", {"requirements.lock": index.lock}, dependencies=("shelf",))
    cache = tmp_path / "cache"
    content = index.wheel.read_bytes()
    index.wheel.unlink()
    with pytest.raises(ToolchainError, match="Cannot pack the packages of mine") as refused:
        built(service, cache)
    assert refused.value.why.startswith("error: Failed to download `shelf==1`")
    assert not [path for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"]

    index.wheel.write_bytes(content)
    assert "shelf/__init__.py" in built(service, cache).names
