"""What a user can get wrong: one clear message, an exit code, and nothing left behind."""

from __future__ import annotations

import os
import socket
import subprocess
import textwrap

import pytest
from dev_command import COMMAND


def fastlambda(*arguments, **env):
    return subprocess.run(
        [COMMAND, *arguments],
        env={**os.environ, "COLUMNS": "160", "NO_COLOR": "1", **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


def service(folder, table="", handler="def handler(event, context): pass\n"):
    folder.mkdir()
    project = f'[project]\nname = "mine"\nversion = "1"\nrequires-python = ">=3.11"\n[tool.fastlambda]\n{table}'
    (folder / "pyproject.toml").write_text(textwrap.dedent(project))
    if handler is not None:
        (folder / "lambda_handler.py").write_text(handler)
    return folder


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("memry = 512", ["memry", "memory"]),
        ('memory = "big"', ["memory", "integer"]),
        ("timeout = 901", ["timeout", "900"]),
        ('handler = "lambda_handler.handel"', ["handel", "handler"]),
        ('handler = "nowhere.handler"', ["nowhere.py"]),
        ("memory = = 1", ["pyproject.toml", "line"]),
    ],
)
def test_a_wrong_configuration_is_one_clear_error(tmp_path, table, expected):
    answer = fastlambda("dev", service(tmp_path / "mine", table))
    assert answer.returncode == 2
    assert answer.stderr.startswith("Error: ")
    assert all(word in answer.stderr for word in expected), answer.stderr
    assert "Traceback" not in answer.stderr
    assert not (tmp_path / "mine" / ".fastlambda").exists(), "nothing was begun"


def test_a_folder_that_does_not_exist_is_said_so(tmp_path):
    answer = fastlambda("dev", tmp_path / "none")
    assert (answer.returncode, "Traceback" in answer.stderr) == (2, False)
    assert "none" in answer.stderr


def test_a_taken_port_names_its_holder_and_ends_what_was_started(tmp_path):
    folder = service(tmp_path / "mine")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        answer = fastlambda("dev", folder, "--port", str(taken.getsockname()[1]), "--aws-port", "0")
    assert answer.returncode == 3
    assert f"(pid {os.getpid()})" in answer.stderr
    assert not list((folder / ".fastlambda" / "processes").glob("*.json"))


def test_an_unreachable_package_index_on_the_first_start_is_said_so(tmp_path):
    folder = service(tmp_path / "mine")
    nowhere = {
        "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple",
        "UV_CACHE_DIR": str(tmp_path / "cache"),
        "UV_OFFLINE": "0",
        "UV_HTTP_RETRIES": "0",
    }
    answer = fastlambda(
        "dev", folder, "--port", "0", "--aws-port", "0", FASTLAMBDA_CACHE_DIR=str(tmp_path / "fl"), **nowhere
    )
    assert answer.returncode == 4
    assert "Cannot" in answer.stderr
    assert "network" in answer.stderr
    assert "Traceback" not in answer.stderr
