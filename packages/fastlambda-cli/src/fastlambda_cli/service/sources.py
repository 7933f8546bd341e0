"""Packages that come from beside the service: [tool.uv.sources] with a path, or a member of the uv workspace.

The keys and their meaning are uv's (uv documentation, "Dependency sources" and "Using workspaces").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.project import PYPROJECT, dependencies_of, read_toml, table

_KEY = "tool.uv.sources"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A uv workspace.

    Attributes:
        root: The folder whose pyproject.toml declares it.
        members: The members' folders, the root included, by package name.
        sources: The root's own [tool.uv.sources], which every member inherits.

    """

    root: Path
    members: Mapping[str, Path]
    sources: Mapping[str, Any] = field(default_factory=dict)


def find_workspace(root: Path, document: Mapping[str, Any]) -> Workspace | None:
    """Find the workspace that a folder is the root or a member of, by walking up."""
    for folder in (root, *root.parents):
        manifest = document if folder == root else _manifest(folder)
        uv = table(manifest, folder / PYPROJECT, "tool", "uv")
        if "workspace" not in uv:
            continue
        members = _members(folder, table(uv, folder / PYPROJECT, "workspace"))
        if folder == root or root in members.values():
            return Workspace(folder, members, table(uv, folder / PYPROJECT, "sources"))
    return None


def local_sources(
    root: Path, dependencies: list[Requirement], document: Mapping[str, Any], workspace: Workspace | None
) -> dict[str, Path]:
    """Find the dependencies that are folders or wheels on this machine, those of local packages included.

    Args:
        root: The service's folder.
        dependencies: Its requirements.
        document: Its pyproject.toml.
        workspace: The workspace it belongs to.

    Returns:
        The folder or the .whl of each, by canonical package name.

    Raises:
        ConfigurationError: A source names a path, a workspace or a member that is not there.

    """
    found: dict[str, Path] = {}
    pending = [(root, dependencies, document)]
    while pending:
        folder, wanted, manifest = pending.pop()
        sources = _sources(manifest, workspace, folder)
        for name in (canonicalize_name(requirement.name) for requirement in wanted):
            path = _resolve(name, sources.get(name), workspace)
            if path is None or name in found:
                continue
            found[name] = path
            if path.is_dir():
                below = _manifest(path)
                pending.append((path, dependencies_of(below, path / PYPROJECT), below))
    return found


@dataclass(frozen=True, slots=True)
class _Source:
    entry: Mapping[str, Any]
    folder: Path  # what a path is relative to


def _sources(manifest: Mapping[str, Any], workspace: Workspace | None, folder: Path) -> dict[str, _Source]:
    inherited = workspace if workspace and folder in workspace.members.values() else None
    tables = [(inherited.sources, inherited.root)] if inherited else []
    tables.append((table(manifest, folder / PYPROJECT, "tool", "uv", "sources"), folder))
    return {
        canonicalize_name(name): _Source(entry, origin)
        for declared, origin in tables
        for name, entries in declared.items()
        if (entry := _applicable(entries, f"{origin / PYPROJECT}: {_KEY}.{name}")) is not None
    }


def _applicable(entries: Any, where: str) -> Mapping[str, Any] | None:
    """Pick the entry whose marker holds here; sources of an extra or a group are not the function's."""
    for entry in entries if isinstance(entries, list) else [entries]:
        if not isinstance(entry, dict):
            raise ConfigurationError(f"{where} must be a table", remedy='Write it as { path = "..." }.')
        if "extra" not in entry and "group" not in entry and _holds(entry.get("marker"), where):
            return entry
    return None


def _holds(marker: Any, where: str) -> bool:
    try:
        return marker is None or Marker(marker).evaluate()
    except (InvalidMarker, TypeError, AttributeError) as problem:
        raise ConfigurationError(
            f"{where}.marker is no marker", why=repr(marker), remedy="Write it as PEP 508 says."
        ) from problem


def _resolve(name: str, source: _Source | None, workspace: Workspace | None) -> Path | None:
    if source is None:
        return None
    file = source.folder / PYPROJECT
    if source.entry.get("workspace") is True:
        if workspace is None:
            raise ConfigurationError(
                f"{file}: {_KEY}.{name} asks for a workspace, and there is none",
                why="no pyproject.toml above declares [tool.uv.workspace] with this folder as a member",
                remedy=f'Use {_KEY}.{name} = {{ path = "..." }}, or add the folder to the workspace.',
            )
        if name not in workspace.members:
            raise ConfigurationError(
                f"{file}: {_KEY}.{name} is not a member of the workspace {workspace.root}",
                why=f"its members are: {', '.join(sorted(workspace.members))}",
                remedy="Add its folder to tool.uv.workspace.members.",
            )
        return workspace.members[name]
    given = source.entry.get("path")
    if not isinstance(given, str):
        return None  # git, url and index sources are uv's to fetch
    path = (source.folder / given).resolve()
    if not (path.is_dir() or (path.is_file() and path.suffix == ".whl")):
        why = "there is no such folder or file" if not path.exists() else "it is neither a folder nor a .whl"
        raise ConfigurationError(
            f"{file}: {_KEY}.{name}.path leads to {path}", why=why, remedy="Correct the path, or build the wheel."
        )
    return path


def _members(root: Path, declared: Mapping[str, Any]) -> dict[str, Path]:
    folders = [root, *sorted(_matches(root, declared, "members") - _matches(root, declared, "exclude"))]
    named = ((_manifest(folder).get("project", {}).get("name"), folder) for folder in folders)
    return {canonicalize_name(name): folder.resolve() for name, folder in named if isinstance(name, str)}


def _matches(root: Path, declared: Mapping[str, Any], key: str) -> set[Path]:
    patterns = declared.get(key, [])
    try:
        return {path for pattern in patterns for path in root.glob(pattern) if path.is_dir()}
    except (TypeError, ValueError, NotImplementedError) as problem:
        raise ConfigurationError(
            f"{root / PYPROJECT}: tool.uv.workspace.{key} must be an array of relative patterns",
            why=str(problem),
            remedy='Write it as ["packages/*"].',
        ) from problem


def _manifest(folder: Path) -> dict[str, Any]:
    return read_toml(folder / PYPROJECT) or {}
