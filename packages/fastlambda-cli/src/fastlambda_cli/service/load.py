"""From a folder to a `Service`: the only place that reads the service's pyproject.toml.

`configuration` checks the table [tool.fastlambda], `handler` looks for the handler without importing it, `consumption`
reads in the same way which events the code consumes, `lock` finds the locked versions and `sources` the packages that
come from beside the service.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.configuration import parse_configuration
from fastlambda_cli.service.consumption import declared_events, names_after_the_stage
from fastlambda_cli.service.handler import check_handler
from fastlambda_cli.service.idempotency import has_idempotent_routes
from fastlambda_cli.service.lock import find_lock
from fastlambda_cli.service.model import Configuration, Service
from fastlambda_cli.service.project import PYPROJECT, dependencies_of, read_toml, table
from fastlambda_cli.service.sources import find_workspace, local_sources
from fastlambda_cli.service.stages import check_function_names, check_names_in_stages


def load_service(folder: Path, *, stage: str | None = None) -> Service:
    """Read the service that a folder holds. User code is never imported.

    Args:
        folder: Has the service's pyproject.toml.
        stage: Whose configuration is wanted; None is what holds where no stage replaces it, as on a laptop.

    Raises:
        ConfigurationError: The folder holds no usable service; one line says which file and key, and the remedy.

    """
    if not folder.is_dir():
        why = "it is a file" if folder.exists() else "there is no such folder"
        raise ConfigurationError(
            f"No service in {folder}", why=why, remedy=f"Name the folder that holds the service's {PYPROJECT}."
        )
    root = folder.resolve()
    file = root / PYPROJECT
    document = read_toml(file)
    if document is None:
        raise ConfigurationError(
            f"{file} is missing",
            why="a service is a Python project",
            remedy="Name the folder that holds it, or make one there with: uv init --bare.",
        )
    configuration = parse_configuration(table(document, file, "tool", "fastlambda"), file, stage=stage)
    check_handler(configuration.handler, root, file)
    dependencies = dependencies_of(document, file)
    workspace = find_workspace(root, document)
    events = declared_events(root, configuration, file)
    functions = {source.function for source in events.consumed if source.function is not None}
    stages = _declared_stages(document)
    check_function_names(functions, stages, stage, file)
    check_names_in_stages(names_after_the_stage(events, configuration), stages, stage, file)
    return Service(
        root=root,
        name=_name(configuration, table(document, file, "project"), file),
        configuration=configuration,
        dependencies=tuple(map(str, dependencies)),
        local_sources=local_sources(root, dependencies, document, workspace),
        lock=find_lock(root, workspace.root if workspace else None),
        events=events.consumed,
        destinations=events.published,
        idempotent_routes=has_idempotent_routes(root, configuration.handler, configuration.package.exclude),
    )


def _declared_stages(document: Mapping[str, Any]) -> frozenset[str]:
    """The stages that a pyproject.toml has tables for, once these are known to be right."""
    return frozenset(document.get("tool", {}).get("fastlambda", {}).get("stages", {}))


def _name(configuration: Configuration, project: Mapping[str, Any], file: Path) -> str:
    if configuration.name is not None:
        return configuration.name
    name = project.get("name")
    if not isinstance(name, str) or not name:
        raise ConfigurationError(
            f"{file}: the service has no name",
            why="there is no project.name to take it from",
            remedy='Add name = "..." to [project] or to [tool.fastlambda].',
        )
    return parse_configuration({"name": name.replace(".", "-")}, file, table_name="project").name or name
