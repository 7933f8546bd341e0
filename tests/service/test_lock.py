"""Which file pins a service's packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.lock import find_lock

PINNED = """\
# exported
--index-url https://packages.example/simple
fastapi==0.165.0 \\
    --hash=sha256:aaaa \\
    --hash=sha256:bbbb
    # via shop
mangum==0.22.0 ; python_version >= "3.11" --hash=sha256:cccc  # the adapter
"""
LOOSE = "fastapi>=0.115\n"


def files(root: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (root / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return root


def test_requirements_lock_comes_first(tmp_path: Path):
    files(tmp_path, requirements_lock=PINNED, requirements_txt=PINNED, uv_lock="")
    assert find_lock(tmp_path, None) == tmp_path / "requirements.lock"


def test_a_hash_pinned_requirements_txt_is_a_lock(tmp_path: Path):
    files(tmp_path, requirements_txt=PINNED, uv_lock="")
    assert find_lock(tmp_path, None) == tmp_path / "requirements.txt"


@pytest.mark.parametrize("text", [LOOSE, PINNED + LOOSE, "-e .\n", "fastapi==0.165.0\n", "# nothing\n"])
def test_a_requirements_txt_that_is_not_fully_pinned_gives_way_to_uv_lock(tmp_path: Path, text: str):
    files(tmp_path, requirements_txt=text, uv_lock="")
    assert find_lock(tmp_path, None) == tmp_path / "uv.lock"


def test_a_member_of_a_workspace_is_locked_at_the_workspaces_root(tmp_path: Path):
    member = tmp_path / "member"
    member.mkdir()
    files(tmp_path, uv_lock="")
    assert find_lock(member, tmp_path) == tmp_path / "uv.lock"


def test_a_pylock_is_a_lock_where_uv_has_none(tmp_path: Path):
    files(tmp_path, pylock_toml="", requirements_txt=LOOSE)
    assert find_lock(tmp_path, None) == tmp_path / "pylock.toml"
    files(tmp_path, uv_lock="")
    assert find_lock(tmp_path, None) == tmp_path / "uv.lock"


def test_a_project_without_any_lock_has_none(tmp_path: Path):
    assert find_lock(tmp_path, None) is None


def test_a_requirements_lock_without_hashes_is_refused_by_name(tmp_path: Path):
    files(tmp_path, requirements_lock="fastapi==0.165.0\n")
    with pytest.raises(ConfigurationError, match=r"no hash for: fastapi==0\.165\.0") as refused:
        find_lock(tmp_path, None)
    assert "uv export" in refused.value.remedy
