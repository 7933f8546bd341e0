"""A service out of a few lines of pyproject.toml, and its template."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fastlambda_cli.service.load import load_service
from fastlambda_cli.service.model import Service
from fastlambda_cli.template import Template, render

MINIMAL = """
[project]
name = "shop"
dependencies = ["fastapi"]
"""

Load = Callable[..., Service]
Rendered = Callable[..., dict[str, Any]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a service that has this pyproject.toml, and whatever handler it names; the code is that of the default."""

    def load(pyproject: str, code: str = "handler = print\n", *, stage: str | None = None) -> Service:
        (tmp_path / "shop").mkdir(exist_ok=True)
        for name in ("plain_handler.py", "shop/aws.py"):
            (tmp_path / name).write_text("handler = print\n", encoding="utf-8")
        (tmp_path / "lambda_handler.py").write_text(code, encoding="utf-8")
        (tmp_path / "pyproject.toml").write_text(pyproject, encoding="utf-8")
        return load_service(tmp_path, stage=stage)

    return load


@pytest.fixture
def resources(load: Load) -> Rendered:
    """The resources of the minimal service with some lines in [tool.fastlambda]."""

    def resources(lines: str = "", *, stage: str = "dev") -> dict[str, Any]:
        service = load(f"{MINIMAL}\n[tool.fastlambda]\n{lines}\n", stage=stage)
        template: Template = render(service, stage=stage, runtime=service.configuration.runtime or "python3.13")
        found: dict[str, Any] = template.document["Resources"]
        return found

    return resources
