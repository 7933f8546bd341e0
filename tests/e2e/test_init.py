"""From a plain FastAPI project to a service that answers, and to the question in between."""

from __future__ import annotations

import subprocess

import pytest
from dev_command import BOOKS, COMMAND, PATIENCE_S, running
from terminal import at_a_terminal

from fastlambda_cli.service.load import load_service

pytestmark = pytest.mark.usefixtures("settled")
APP = """
from fastapi import FastAPI

from shop.greeting import GREETING

app = FastAPI()


@app.get("/")
def greet():
    return {"greeting": GREETING}
"""


@pytest.fixture
def shop(tmp_path):
    """A FastAPI project in a src layout that has never heard of Lambda; uv knows where the runtime wheel is."""
    runtime = load_service(BOOKS).local_sources["fastlambda"]
    files = {
        "src/shop/__init__.py": "",
        "src/shop/greeting.py": 'GREETING = "hello"\n',
        "src/shop/main.py": APP,
        "pyproject.toml": (
            '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["fastapi"]\n'
            f'[tool.uv.sources]\nfastlambda = {{ path = "{runtime}" }}\n'
        ),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.slow
def test_a_plain_project_answers_on_dev_after_init_and_needs_nothing_else(shop):
    subprocess.run([COMMAND, "init", shop, "--yes"], check=True, capture_output=True, timeout=PATIENCE_S)
    with running(shop) as dev:
        assert dev.client.get("/").json() == {"greeting": "hello"}


def test_at_a_terminal_init_asks_and_writes_after_a_yes_only(shop):
    code, printed = at_a_terminal(COMMAND, "init", shop, sees="Write this?", types=b"n\n")
    assert (code, (shop / "lambda_handler.py").exists()) == (1, False)
    assert "Nothing was written" in printed

    code, printed = at_a_terminal(COMMAND, "init", shop, sees="Write this?", types=b"y\n")
    assert (code, (shop / "lambda_handler.py").exists()) == (0, True), printed
