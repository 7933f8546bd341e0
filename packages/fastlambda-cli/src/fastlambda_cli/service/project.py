"""A pyproject.toml, read with care: what is wrong in one is said with its file and key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from fastlambda_cli.errors import ConfigurationError

PYPROJECT = "pyproject.toml"


def read_toml(file: Path) -> dict[str, Any] | None:
    """Read a TOML file; None when there is none.

    Raises:
        ConfigurationError: It is unreadable or no TOML; the line is named.

    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except tomllib.TOMLDecodeError as problem:
        raise ConfigurationError(f"{file} is not TOML", why=str(problem), remedy="Correct that line.") from problem
    except UnicodeDecodeError as problem:
        line = problem.object[: problem.start].count(b"\n") + 1
        raise ConfigurationError(
            f"{file} is not TOML", why=f"line {line} is not UTF-8", remedy="Save the file as UTF-8."
        ) from problem
    except OSError as problem:
        raise ConfigurationError(
            f"{file} cannot be read", why=problem.strerror or str(problem), remedy="Make it a readable file."
        ) from problem


def table(document: Mapping[str, Any], file: Path, *keys: str) -> dict[str, Any]:
    """Walk down to a table; one that is missing is empty.

    Raises:
        ConfigurationError: Something else than a table stands there.

    """
    found: Any = document
    for depth, key in enumerate(keys, start=1):
        found = found.get(key, {})
        if not isinstance(found, dict):
            name = ".".join(keys[:depth])
            raise ConfigurationError(f"{file}: {name} must be a table", remedy=f"Write it as [{name}].")
    return dict(found)


def dependencies_of(document: Mapping[str, Any], file: Path) -> list[Requirement]:
    """Parse project.dependencies.

    Raises:
        ConfigurationError: They are dynamic, or one is no requirement.

    """
    project = table(document, file, "project")
    if "dependencies" in project.get("dynamic", ()):
        raise ConfigurationError(
            f"{file}: project.dependencies is dynamic",
            why="only a build would know what to install",
            remedy="List the dependencies in [project] themselves.",
        )
    listed = project.get("dependencies", [])
    if not isinstance(listed, list):
        raise ConfigurationError(
            f"{file}: project.dependencies must be an array of strings", remedy='Write it as ["fastapi"].'
        )
    return [_requirement(text, f"{file}: project.dependencies[{index}]") for index, text in enumerate(listed)]


def _requirement(text: object, where: str) -> Requirement:
    remedy = 'Write it as PEP 508 says, such as "fastapi>=0.115".'
    if not isinstance(text, str):
        raise ConfigurationError(f"{where} must be a string, got {text!r}", remedy=remedy)
    try:
        return Requirement(text)
    except InvalidRequirement as problem:
        reason = str(problem).splitlines()[0]
        raise ConfigurationError(f"{where} is no requirement", why=f"{text!r}: {reason}", remedy=remedy) from problem
