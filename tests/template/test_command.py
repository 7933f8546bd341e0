"""`fastlambda template` from outside."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from yaml_documents import read_yaml

COMMAND = Path(sys.executable).with_name("fastlambda")
BOOKS = Path(__file__).parents[2] / "examples" / "books"


def run(*arguments):
    return subprocess.run([COMMAND, "template", *arguments], capture_output=True, text=True, check=False)


def test_the_template_and_nothing_else_is_printed_so_that_a_file_can_be_made_of_it():
    printed = run(str(BOOKS))
    assert printed.returncode == 0
    assert printed.stderr == ""
    assert read_yaml(printed.stdout)["Resources"]["Function"]["Properties"]["FunctionName"] == "fastapi-books-dev"


def test_json_is_printed_for_machines():
    printed = run(str(BOOKS), "--stage", "prod", "--json")
    assert json.loads(printed.stdout)["Resources"]["Function"]["Properties"]["FunctionName"] == "fastapi-books-prod"


def test_a_mistake_is_told_on_standard_error_and_prints_no_half_template(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "shop"\n[tool.fastlambda]\nmemory = 1', encoding="utf-8"
    )
    printed = run(str(tmp_path))
    assert printed.returncode == 2
    assert printed.stdout == ""
    assert "memory must be 128 or more" in printed.stderr
