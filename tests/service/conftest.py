"""Services that declare what they consume, written out and read."""

from __future__ import annotations

import textwrap

import pytest
from declared_services import CONSUMERS, HANDLER

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.load import load_service


@pytest.fixture
def load(tmp_path):
    """Load a service out of these files, whose handler gets the router of demo/consumers.py unless it is given."""

    def load(files, lines="", *, stage=None):
        for name, text in {"lambda_handler.py": HANDLER, "demo/__init__.py": "", **files}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(textwrap.dedent(text), encoding="utf-8")
        (tmp_path / "pyproject.toml").write_text(
            f'[project]\nname = "shop"\n[tool.fastlambda]\n{lines}\n', encoding="utf-8"
        )
        return load_service(tmp_path, stage=stage)

    return load


@pytest.fixture
def events(load):
    """The events of a service whose demo/consumers.py has these lines below its router."""

    def events(lines, configuration="", *, stage=None):
        code = CONSUMERS + textwrap.dedent(lines)
        return load({"demo/consumers.py": code}, configuration, stage=stage).events

    return events


@pytest.fixture
def refusal(events):
    """What is said of a service whose demo/consumers.py has these lines below its router; they begin in its line 5."""

    def refusal(lines, configuration=""):
        with pytest.raises(ConfigurationError) as refused:
            events(lines, configuration)
        text = f"{refused.value} -> {refused.value.remedy}"
        assert "\n" not in text
        return text

    return refusal
