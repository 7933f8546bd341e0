"""The metadata of a service's own project, which is packed and not installed: `importlib.metadata` asks for it."""

from __future__ import annotations

import re

from fastlambda_cli.service.model import Service
from fastlambda_cli.service.project import PYPROJECT, read_toml


def project_metadata(service: Service) -> dict[str, bytes]:
    """Name and version of a project that is a package, as an installation of it would have them.

    A project is a package as uv sees it: it has a build system, unless `tool.uv.package` says otherwise. Entry points
    are not there, and a version that only the build system knows is not either.

    Args:
        service: The service.

    Returns:
        The one file by its path below the packages, or nothing.

    Raises:
        ConfigurationError: The project's file cannot be read.

    """
    if service.root in service.local_sources.values():
        return {}  # it is built into a wheel, which has its own
    document = read_toml(service.root / PYPROJECT) or {}
    project = document.get("project", {})
    name, version = project.get("name"), project.get("version")
    packaged = document.get("tool", {}).get("uv", {}).get("package", "build-system" in document)
    if not packaged or not isinstance(name, str) or not isinstance(version, str):
        return {}
    escaped = re.sub(r"[-_.]+", "_", name).lower()
    content = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    return {f"{escaped}-{version}.dist-info/METADATA": content.encode()}
