"""Packages from beside the service, as uv understands [tool.uv.sources]."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.load import load_service


def project(folder: Path, name: str, *dependencies: str, uv: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lambda_handler.py").write_text("handler = print\n", encoding="utf-8")
    text = f'[project]\nname = "{name}"\ndependencies = {list(dependencies)!r}\n{uv}'
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(ConfigurationError) as error:
        load_service(folder)
    return f"{error.value} -> {error.value.remedy}"


def test_a_path_leads_to_a_folder_relative_to_the_service(tmp_path: Path):
    core = project(tmp_path / "core", "shop-core")
    shop = project(
        tmp_path / "shop",
        "shop",
        "Shop.Core>=1",
        uv='[tool.uv.sources]\nshop_core = { path = "../core", editable = true }',
    )
    assert load_service(shop).local_sources == {"shop-core": core}


def test_a_path_may_lead_to_a_wheel(tmp_path: Path):
    wheel = tmp_path / "core-1.0-py3-none-any.whl"
    wheel.touch()
    shop = project(tmp_path / "shop", "shop", "core", uv=f'[tool.uv.sources]\ncore = {{ path = "../{wheel.name}" }}')
    assert load_service(shop).local_sources == {"core": wheel}


def test_a_path_that_leads_nowhere_names_its_key(tmp_path: Path):
    shop = project(tmp_path, "shop", "core", uv='[tool.uv.sources]\ncore = { path = "../gone" }')
    assert "tool.uv.sources.core.path leads to" in refused(shop)
    assert "there is no such folder or file" in refused(shop)


def test_a_source_of_something_that_is_no_dependency_does_not_matter(tmp_path: Path):
    shop = project(tmp_path, "shop", "fastapi", uv='[tool.uv.sources]\ncore = { path = "../gone" }')
    assert load_service(shop).local_sources == {}


@pytest.mark.parametrize("source", ['{ git = "https://example.org/core" }', '{ index = "own" }'])
def test_what_uv_fetches_from_elsewhere_is_not_local(tmp_path: Path, source: str):
    shop = project(tmp_path, "shop", "core", uv=f"[tool.uv.sources]\ncore = {source}")
    assert load_service(shop).local_sources == {}


def test_the_source_whose_marker_holds_is_taken(tmp_path: Path):
    core = project(tmp_path / "core", "core")
    uv = """[tool.uv.sources]
core = [
    { path = "../gone", marker = "python_version < '3'" },
    { path = "../gone", extra = "gpu" },
    { path = "../core", marker = "python_version >= '3'" },
]"""
    assert load_service(project(tmp_path / "shop", "shop", "core", uv=uv)).local_sources == {"core": core}


def test_local_packages_of_local_packages_are_found_too(tmp_path: Path):
    base = project(tmp_path / "base", "base")
    core = project(tmp_path / "core", "core", "base", uv='[tool.uv.sources]\nbase = { path = "../base" }')
    shop = project(tmp_path / "shop", "shop", "core", uv='[tool.uv.sources]\ncore = { path = "../core" }')
    assert load_service(shop).local_sources == {"core": core, "base": base}


WORKSPACE = """
[tool.uv.workspace]
members = ["packages/*", "services/*"]
exclude = ["packages/old"]
[tool.uv.sources]
core = { workspace = true }
"""


def test_a_member_of_the_workspace_is_found_from_another_member(tmp_path: Path):
    project(tmp_path, "root", uv=WORKSPACE)
    core = project(tmp_path / "packages/core", "core")
    shop = project(tmp_path / "services/shop", "shop", "core", uv="[tool.uv.sources]\ncore = { workspace = true }")
    assert load_service(shop).local_sources == {"core": core}


def test_a_member_inherits_the_sources_of_the_workspace(tmp_path: Path):
    project(tmp_path, "root", uv=WORKSPACE)
    core = project(tmp_path / "packages/core", "core")
    assert load_service(project(tmp_path / "services/shop", "shop", "core")).local_sources == {"core": core}


def test_the_lock_of_a_member_is_the_workspaces(tmp_path: Path):
    project(tmp_path, "root", uv=WORKSPACE)
    (tmp_path / "uv.lock").touch()
    assert load_service(project(tmp_path / "services/shop", "shop")).lock == tmp_path / "uv.lock"


def test_an_excluded_folder_is_no_member(tmp_path: Path):
    project(tmp_path, "root", uv=WORKSPACE)
    project(tmp_path / "packages/old", "old")
    shop = project(tmp_path / "services/shop", "shop", "old", uv="[tool.uv.sources]\nold = { workspace = true }")
    assert "tool.uv.sources.old is not a member of the workspace" in refused(shop)
    assert "its members are: root, shop" in refused(shop)


def test_a_folder_below_a_workspace_that_is_no_member_belongs_to_none(tmp_path: Path):
    project(tmp_path, "root", uv=WORKSPACE)
    (tmp_path / "uv.lock").touch()
    shop = project(tmp_path / "elsewhere", "shop", "core", uv="[tool.uv.sources]\ncore = { workspace = true }")
    assert "asks for a workspace, and there is none" in refused(shop)


def test_a_broken_pyproject_of_a_local_package_is_named(tmp_path: Path):
    core = project(tmp_path / "core", "core", uv="[[[")
    shop = project(tmp_path / "shop", "shop", "core", uv='[tool.uv.sources]\ncore = { path = "../core" }')
    assert f"{core / 'pyproject.toml'} is not TOML" in refused(shop)


BAD = {
    "a string for a source": ("sources.core = 'x'", "tool.uv.sources.core must be a table"),
    "a marker that is none": ("sources.core = { path = 'x', marker = '??' }", "core.marker is no marker"),
    "a workspace that is no table": ("workspace = 3", "workspace must be a table"),
    "members that are no array": ("workspace.members = 3", "members must be an array of relative patterns"),
    "a member that is absolute": ("workspace.members = ['/packages']", "members must be an array of relative"),
}


@pytest.mark.parametrize(("line", "said"), BAD.values(), ids=BAD)
def test_a_wrong_uv_table_is_named(tmp_path: Path, line: str, said: str):
    assert said in refused(project(tmp_path, "shop", "core", uv=f"[tool.uv]\n{line}\n"))
