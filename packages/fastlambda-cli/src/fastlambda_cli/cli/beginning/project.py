"""A project's pyproject.toml with what makes a service of it, and everything else in it as it was."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import tomlkit
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from tomlkit.items import Array, Table

from fastlambda_cli.cli.beginning.edits import Edit, read_text
from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.lock import unpinned
from fastlambda_cli.service.model import Runtime
from fastlambda_cli.service.project import PYPROJECT, dependencies_of, read_toml, table

_PACKAGE = "fastlambda"
_REQUIREMENTS = "requirements.txt"
_OLDEST_PYTHON = ">=3.11"
_PYTHON_PIN = ".python-version"
"""Names the Python of a project on the machines that develop it, as uv and pyenv read it."""


@dataclass(frozen=True, slots=True)
class ProjectEdit:
    """What becomes of a project's pyproject.toml.

    Attributes:
        edit: None when nothing is missing in it.
        remarks: What its owner should know.

    """

    edit: Edit | None
    remarks: tuple[str, ...] = field(default=())


def service_project(root: Path) -> ProjectEdit:
    """Add the runtime to a project's dependencies and the table [tool.fastlambda] to its pyproject.toml.

    A project without one gets the smallest that describes it, with the dependencies of its requirements.txt.

    Raises:
        ConfigurationError: The file cannot be read, or says what it says in a way that nobody can add to.

    """
    file = root / PYPROJECT
    known = read_toml(file)
    remarks: list[str] = []
    before = None if known is None else read_text(file)
    document = tomlkit.parse((before or "").replace("\r\n", "\n"))
    if "project" not in document:
        if known and "poetry" in table(known, file, "tool"):
            raise ConfigurationError(
                f"{file} has no [project] table",
                why="its dependencies stand in [tool.poetry], which only Poetry reads",
                remedy="Move them to [project], which Poetry 2 reads as well, and run this again.",
            )
        document["project"] = _minimal_project(root, remarks)
    _add_dependency(document, file, known or {})
    _add_table(document, file, known or {}, remarks)
    after = tomlkit.dumps(document)
    _check(after, file, known or {})
    if before is not None and "\r\n" in before:
        after = after.replace("\n", "\r\n")
    if after == before:
        return ProjectEdit(None, tuple(remarks))
    return ProjectEdit(Edit(file, before, after), tuple(remarks))


def own_requirement() -> str:
    """The requirement of the runtime that belongs to this release of the command."""
    own = Version(version("fastlambda-cli"))
    # Before 1.0 every minor release may break, as Cargo and Poetry read it too.
    following = f"{own.major + 1}" if own.major else f"0.{own.minor + 1}"
    return f"{_PACKAGE}>={own.major}.{own.minor},<{following}"


def _minimal_project(root: Path, remarks: list[str]) -> Table:
    project = tomlkit.table()
    name = re.sub(r"[^A-Za-z0-9]+", "-", root.name).strip("-").lower() or "service"
    project["name"] = name
    project["version"] = "0.1.0"
    project["requires-python"] = _OLDEST_PYTHON
    dependencies = tomlkit.array().multiline(multiline=True)
    requirements = root / _REQUIREMENTS
    for line in _requirements(requirements, remarks):
        dependencies.append(line)
    project["dependencies"] = dependencies
    source = f", with the dependencies of {_REQUIREMENTS}" if dependencies else ""
    remarks.append(f"{PYPROJECT} had no [project]: it gets a minimal one{source}.")
    return project


def _requirements(file: Path, remarks: list[str]) -> Iterator[str]:
    if not file.is_file():
        return
    text = re.sub(r"\\\s*\n", " ", file.read_text(encoding="utf-8", errors="replace"))
    pinned = unpinned(file) is None
    for line in text.splitlines():
        wanted = re.sub(r"(^|\s)#.*$", "", line).split(" --hash", 1)[0].strip()
        if not wanted:
            continue
        try:
            requirement = Requirement(wanted)
        except InvalidRequirement:
            remarks.append(f"{_REQUIREMENTS}: {wanted!r} is not copied; add what it stands for to the dependencies.")
            continue
        # A lock pins what depends on what; which of it the project asked for itself, nobody can tell from it.
        if canonicalize_name(requirement.name) != _PACKAGE and (not pinned or requirement.name == "fastapi"):
            yield wanted


def _add_dependency(document: tomlkit.TOMLDocument, file: Path, known: dict[str, Any]) -> None:
    if any(canonicalize_name(each.name) == _PACKAGE for each in dependencies_of(known, file)):
        return
    project = document["project"]
    assert isinstance(project, Table)  # noqa: S101 - dependencies_of has refused anything else
    if "dependencies" not in project:
        project["dependencies"] = tomlkit.array()
    dependencies = project["dependencies"]
    assert isinstance(dependencies, Array)  # noqa: S101 - likewise
    dependencies.append(own_requirement())


def _add_table(document: tomlkit.TOMLDocument, file: Path, known: dict[str, Any], remarks: list[str]) -> None:
    if _PACKAGE in table(known, file, "tool"):
        return
    settings = tomlkit.table()
    requires = str(table(known, file, "project").get("requires-python", ""))
    runtime = _runtime(requires, _pinned(file.parent / _PYTHON_PIN))
    if runtime is None:
        remarks.append(f"requires-python leaves no Python that Lambda has ({', '.join(get_args(Runtime))}).")
    else:
        settings["runtime"] = runtime
    if "tool" not in document:
        document["tool"] = tomlkit.table(is_super_table=True)
    tools = document["tool"]
    tools[_PACKAGE] = settings


def _pinned(file: Path) -> str | None:
    """The version that a project's `.python-version` names, such as 3.12; None when there is none to be read off."""
    if not file.is_file():
        return None
    found = re.match(r"(?:cpython[@-])?(\d+\.\d+)", file.read_text(encoding="utf-8", errors="replace").strip())
    return found[1] if found else None


def _runtime(requires: str, pinned: str | None) -> str | None:
    """The Python to name, if the project takes it: the one that it is developed with, or else this command's.

    Otherwise the newest that it takes.
    """
    own = f"python{pinned or f'{sys.version_info.major}.{sys.version_info.minor}'}"
    try:
        wanted = SpecifierSet(requires)
    except InvalidSpecifier:  # uv says so when it resolves; here it only decides nothing
        wanted = SpecifierSet()
    newest_first = sorted(get_args(Runtime), key=lambda name: (name == own, Version(name[6:])), reverse=True)
    return next((name for name in newest_first if wanted.contains(f"{name[6:]}.99")), None)


def _check(after: str, file: Path, known: dict[str, Any]) -> None:
    """Make sure that an edit has only added: a file laid out in a way no editor foresaw must not lose anything."""
    now = tomllib.loads(after)
    project, tools = now.get("project", {}), now.get("tool", {})
    old_project, old_tools = known.get("project", {}), known.get("tool", {})
    kept = (
        {**now, "project": 0, "tool": 0} == {**known, "project": 0, "tool": 0},
        not old_project or {**project, "dependencies": 0} == {**old_project, "dependencies": 0},
        {key: value for key, value in tools.items() if key in old_tools} == old_tools,
        project["dependencies"][: len(old_project.get("dependencies", ()))] == old_project.get("dependencies", []),
    )
    if not all(kept):
        raise ConfigurationError(
            f"{file} is laid out in a way that cannot be added to safely",
            remedy=f"Add {own_requirement()!r} to project.dependencies and a table [tool.fastlambda] yourself.",
        )
