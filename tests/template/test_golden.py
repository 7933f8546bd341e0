"""Whole templates as they were when somebody last read them.

After a change that is meant: UPDATE_GOLDEN=1 uv run pytest tests/template, then read the difference in version control.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from yaml_documents import read_yaml

from fastlambda_cli.service.load import load_service
from fastlambda_cli.template import Template, render

HERE = Path(__file__).parent
BOOKS = HERE.parents[1] / "examples" / "books"

STAGES = {
    "minimal": "dev",
    "everything": "dev",
    "staged": "prod",
    "events": "dev",
    "worker": "dev",
    "image": "dev",
    "books": "dev",
}


def _files(case):
    """A service's pyproject.toml, and its handler when it has one to read."""
    files = [HERE / "services" / f"{case}.{suffix}" for suffix in ("toml", "py")]
    return [file.read_text(encoding="utf-8") for file in files if file.exists()]


@pytest.fixture
def template(case, load) -> Template:
    stage = STAGES[case]
    service = load_service(BOOKS, stage=stage) if case == "books" else load(*_files(case), stage=stage)
    return render(service, stage=stage, runtime=service.configuration.runtime or "python3.13")


@pytest.mark.parametrize("case", STAGES)
def test_the_template_is_the_one_that_was_read_and_kept(case, template):
    golden = HERE / "golden" / f"{case}.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(template.to_yaml(), encoding="utf-8")
    assert template.to_yaml() == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", STAGES)
def test_yaml_and_json_say_the_same(case, template):
    del case
    assert read_yaml(template.to_yaml()) == json.loads(template.to_json()) == template.document


@pytest.mark.slow
def test_cfn_lint_finds_nothing_not_even_something_to_inform_of():
    files = sorted(str(path) for path in (HERE / "golden").glob("*.yaml"))
    assert len(files) == len(STAGES)
    lint = Path(sys.executable).with_name("cfn-lint")
    found = subprocess.run(
        [lint, "--include-checks", "I", "--regions", "us-east-1", "eu-west-1", "--format", "parseable", "--", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout + found.stderr == ""
    assert found.returncode == 0


@pytest.mark.slow
def test_cfn_lint_would_say_what_is_wrong(tmp_path):
    golden = (HERE / "golden" / "minimal.yaml").read_text(encoding="utf-8")
    broken = tmp_path / "broken.yaml"
    broken.write_text(golden.replace("MemorySize: 1024", "MemorySize: 64"), encoding="utf-8")
    lint = Path(sys.executable).with_name("cfn-lint")
    found = subprocess.run([lint, broken], capture_output=True, text=True, check=False)
    assert "64 is less than the minimum of 128" in found.stdout
