"""The emulator's environment is made once, whole, and apart from the user's."""

from __future__ import annotations

import asyncio

import pytest

from fastlambda_cli.errors import ToolchainError
from fastlambda_cli.local.aws.toolchain import emulator_python


@pytest.mark.slow
def test_two_starts_at_once_make_one_environment_and_clear_what_was_cut_short(tmp_path, monkeypatch):
    monkeypatch.setenv("FASTLAMBDA_CACHE_DIR", str(tmp_path))
    notices = []

    async def twice():
        return await asyncio.gather(emulator_python(notices.append), emulator_python(notices.append))

    one, other = asyncio.run(twice())

    assert one == other
    assert one.is_relative_to(tmp_path)
    texts = [notice.text for notice in notices]
    assert sum(text.startswith("Installing") for text in texts) == 1
    assert sum("waiting for it" in text for text in texts) == 1
    assert list(one.parent.parent.parent.glob("*.partial")) == []


def test_without_a_package_index_the_error_says_what_to_do_and_leaves_nothing_half_made(tmp_path, monkeypatch):
    monkeypatch.setenv("FASTLAMBDA_CACHE_DIR", str(tmp_path / "ours"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")

    with pytest.raises(ToolchainError, match="AWS emulator") as caught:
        asyncio.run(emulator_python(lambda _: None))

    assert "network" in caught.value.remedy
    assert list((tmp_path / "ours").rglob("python")) == []
