"""What a function may import: locked packages, installed whole or not at all, and found again at once."""

from __future__ import annotations

import asyncio
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

from fastlambda_cli.artifact.installation import cache_dir, remove_others
from fastlambda_cli.errors import ConfigurationError, ToolchainError
from fastlambda_cli.local.model import Notice
from fastlambda_cli.local.packages import prepare
from fastlambda_cli.service.load import load_service

OWN = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def project(tmp_path):
    """A function that makes a service folder of a project table and files, and returns it loaded."""

    def make(dependencies, *, runtime=None, files=None, sources=""):
        (tmp_path / "lambda_handler.py").write_text("def handler(event, context): pass\n")
        table = f'runtime = "{runtime}"' if runtime else ""
        head = f'[project]\nname = "mine"\nversion = "1"\ndependencies = {dependencies}'
        (tmp_path / "pyproject.toml").write_text(f"{head}\n{sources}\n[tool.fastlambda]\n{table}\n")
        for name, text in (files or {}).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return load_service(tmp_path)

    return make


def prepared(service):
    """Prepare the service; return where its imports come from, and what was said."""
    said: list[str] = []

    def sink(event):
        assert isinstance(event, Notice)
        said.append(event.text)

    return asyncio.run(prepare(service, service.root / ".fastlambda", sink)), said


def test_a_project_without_a_lock_is_locked_first_and_told_so(project):
    service = project(["idna>=3"])

    importable, said = prepared(service)

    assert "has no lock" in said[-2]
    assert said[-1].startswith(f"Installing 1 locked packages for Python {OWN}")
    assert (importable.packages / "idna" / "__init__.py").exists()
    assert list((importable.packages / "idna" / "__pycache__").glob("__init__.*.pyc")), "bytecode is there for INIT"
    assert importable.runtime == f"python{OWN}"


def test_what_uv_is_told_in_the_project_holds_from_whatever_folder_the_command_is_run(project):
    service = project(["idna>=2"], sources='[tool.uv]\nexclude-newer = "2020-01-01T00:00:00Z"')

    importable, _ = prepared(service)

    (idna,) = distributions(path=[str(importable.packages)])
    assert idna.version == "2.8"


def test_a_project_without_dependencies_has_nothing_to_lock(project):
    _, said = prepared(project([]))
    assert not [text for text in said if "lock:" in text or "has no lock" in text]


def test_an_unchanged_lock_is_found_again_without_a_word(project):
    service = project(["idna>=3"])
    first, _ = prepared(service)
    assert prepared(service) == (first, [])


def test_a_changed_lock_leaves_what_running_environments_import_until_it_is_cleared(project):
    first, _ = prepared(project(["idna==3.10"]))
    second, _ = prepared(project(["idna==3.11"]))
    assert second.packages != first.packages
    assert first.packages.exists()

    remove_others(second.packages)

    assert not first.packages.exists()
    assert (second.packages / "idna").exists()


def test_a_project_without_dependencies_has_an_empty_folder_of_packages(project):
    importable, _ = prepared(project([]))
    assert not [path for path in importable.packages.iterdir() if not path.name.startswith(".")]


def test_a_project_that_is_a_package_can_ask_for_its_own_version(project):
    service = project([], sources='[build-system]\nrequires = ["uv_build"]')

    importable, _ = prepared(service)

    (found,) = distributions(path=[str(importable.packages)])
    assert (found.name, found.version) == ("mine", "1")


def test_an_installation_that_was_cut_short_is_cleared_and_made_again(project):
    service = project([])
    target = prepared(service)[0].packages
    target.rename(target.with_name(f"{target.name}.partial"))

    again, _ = prepared(service)

    assert again.packages == target
    assert [path for path in target.parent.iterdir() if path.is_dir()] == [target]


def test_a_cache_that_cannot_be_written_to_is_said_so(tmp_path, monkeypatch, project):
    (tmp_path / "file").touch()
    monkeypatch.setenv("FASTLAMBDA_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(ToolchainError, match="Cannot install Lambda's own runtime packages") as refused:
        prepared(project([]))
    assert str(tmp_path / "file") in refused.value.remedy


def test_a_relative_cache_folder_is_found_from_everywhere(monkeypatch):
    monkeypatch.setenv("FASTLAMBDA_CACHE_DIR", "here")
    assert cache_dir() == Path.cwd() / "here"


def test_a_lock_that_lacks_a_dependency_is_said_to_be_out_of_date(project):
    locked = "idna==3.11 \\\n    --hash=sha256:771a87f49d9defaf64091e6e6fe9c18d4833f140bd19464795bc32d966ca37ea\n"
    service = project(["idna", "six"], files={"requirements.lock": locked})
    with pytest.raises(ConfigurationError, match=r"requirements\.lock is out of date: it has no six"):
        prepared(service)


def test_a_package_whose_hash_is_wrong_is_refused_and_nothing_is_left_half_done(project):
    locked = f"idna==3.11 \\\n    --hash=sha256:{'0' * 64}\n"
    service = project(["idna"], files={"requirements.lock": locked})
    with pytest.raises(ToolchainError, match="Cannot install the packages of mine") as refused:
        prepared(service)
    assert "idna" in refused.value.why
    assert not [path for path in (service.root / ".fastlambda" / "packages").iterdir() if path.is_dir()]


def test_a_dependency_that_does_not_exist_is_named(project):
    with pytest.raises(ToolchainError, match="Cannot resolve the dependencies of mine") as refused:
        prepared(project(["idna>=9999"]))
    assert "idna" in refused.value.why


def test_a_package_beside_the_service_is_built_and_follows_its_sources(project):
    source = """
        [project]
        name = "shelf"
        version = "1"
        [build-system]
        requires = ["uv_build>=0.13,<0.14"]
        build-backend = "uv_build"
    """
    files = {
        "shelf/pyproject.toml": "\n".join(map(str.strip, source.splitlines())),
        "shelf/src/shelf/__init__.py": "A = 1\n",
    }
    sources = '[tool.uv.sources]\nshelf = { path = "shelf" }'
    service = project(["shelf"], files=files, sources=sources)
    first, said = prepared(service)
    assert "Building shelf from shelf" in said
    assert (first.packages / "shelf" / "__init__.py").read_text() == "A = 1\n"

    Path(service.root / "shelf/src/shelf/__init__.py").write_text("A = 'two'\n")
    second, _ = prepared(service)
    assert (second.packages / "shelf" / "__init__.py").read_text() == "A = 'two'\n"

    virtual_environment = service.root / "shelf/.venv/lib/python3/site-packages/other"
    virtual_environment.mkdir(parents=True)
    (virtual_environment / "__init__.py").touch()
    assert prepared(service) == (second, []), "what tools keep in its folder is not its source"


def test_a_package_beside_the_service_that_asks_for_more_has_it_locked_too(project):
    head = '[project]\nname = "shelf"\nversion = "1"\n'
    build = '[build-system]\nrequires = ["uv_build>=0.13,<0.14"]\nbuild-backend = "uv_build"\n'
    files = {"shelf/pyproject.toml": head + build, "shelf/src/shelf/__init__.py": ""}
    sources = '[tool.uv.sources]\nshelf = { path = "shelf" }'
    first, _ = prepared(project(["shelf"], files=files, sources=sources))
    assert not (first.packages / "idna").exists()

    files["shelf/pyproject.toml"] = head + 'dependencies = ["idna"]\n' + build
    second, _ = prepared(project(["shelf"], files=files, sources=sources))
    assert (second.packages / "idna").exists()


def test_a_runtime_that_is_not_on_this_machine_is_said_so_and_the_own_one_used(project):
    other = next(v for v in ("3.14", "3.12") if v != OWN)
    importable, said = prepared(project([], runtime=f"python{other}"))
    if importable.runtime == f"python{OWN}":
        assert f"Python {other} is not on this machine" in said[0]
    else:
        assert importable.runtime == f"python{other}"
        assert OWN not in str(importable.python)
