"""`fastlambda deploy --local` with a person in front of it."""

from __future__ import annotations

import json
import subprocess

import pytest
from dev_command import COMMAND, PATIENCE_S, running
from terminal import at_a_terminal

HANDLER = 'def handler(event, context):\n    return {"statusCode": 200, "body": "hello"}\n'


@pytest.fixture
def service(tmp_path):
    """A plain handler that was never deployed."""
    (tmp_path / "lambda_handler.py").write_text(HANDLER)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\n')
    return tmp_path


def stack_of(service):
    answer = subprocess.run(
        [COMMAND, "status", service, "--local", "--json"], capture_output=True, check=True, timeout=PATIENCE_S
    )
    return json.loads(answer.stdout)


@pytest.mark.parametrize(
    ("types", "code", "said"), [(b"n\n", 1, "Not confirmed"), (b"\n", 1, "Not confirmed"), (b"\x03", 130, "")]
)
def test_no_enter_or_ctrl_c_at_the_question_leaves_nothing_behind(service, types, code, said):
    ended, printed = at_a_terminal(COMMAND, "deploy", service, "--local", sees="Deploy this?", types=types)
    assert ended == code
    assert said in printed
    assert "Traceback" not in printed
    assert stack_of(service)["status"] is None


def test_a_yes_deploys_and_the_api_answers_where_the_command_said_while_dev_runs(service):
    ended, printed = at_a_terminal(COMMAND, "deploy", service, "--local", sees="Deploy this?", types=b"y\n")
    assert ended == 0, printed
    assert "Deployed: shop-dev" in printed
    assert "fastlambda dev" in printed
    with running(service) as dev:
        host = stack_of(service)["outputs"]["ApiUrl"].removeprefix("http://").partition(":")[0]
        port = dev.endpoint_url.rpartition(":")[2]
        answer = dev.client.get(dev.endpoint_url, headers={"host": f"{host}:{port}"})
    assert answer.text == "hello"


def test_a_stack_is_destroyed_once_its_name_is_typed(service):
    subprocess.run(
        [COMMAND, "deploy", service, "--local", "--yes"], capture_output=True, check=True, timeout=PATIENCE_S
    )
    ended, printed = at_a_terminal(COMMAND, "destroy", service, "--local", sees="to destroy it", types=b"shop\n")
    assert (ended, "is not 'shop-dev'" in printed) == (1, True)
    ended, printed = at_a_terminal(COMMAND, "destroy", service, "--local", sees="to destroy it", types=b"shop-dev\n")
    assert (ended, "Destroyed: shop-dev" in printed) == (0, True)
    assert stack_of(service)["status"] is None
