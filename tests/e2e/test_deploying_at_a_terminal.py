"""`fastlambda deploy --local` with a person in front of it."""

from __future__ import annotations

import pytest
from access_keys import as_dev_of
from deployments import target_in
from dev_command import COMMAND, running
from terminal import at_a_terminal

from fastlambda_cli import deploy as engine
from fastlambda_cli.aws.session import connect

HANDLER = 'def handler(event, context):\n    return {"statusCode": 200, "body": "hello"}\n'


def shop_in(folder, name):
    """A plain handler that was never deployed."""
    (folder / "lambda_handler.py").write_text(HANDLER)
    (folder / "pyproject.toml").write_text(f'[project]\nname = "{name}"\nversion = "1"\nrequires-python = ">=3.11"\n')
    return folder


@pytest.fixture
def service(tmp_path, local_aws, unique):
    """A service beside a local AWS that a `dev` of another stage could be running."""
    with as_dev_of(tmp_path, local_aws, "another"):
        yield shop_in(tmp_path, unique("shop"))


@pytest.fixture
def stack(service, local_aws):
    """Tells how the service's stack stands."""
    return lambda: engine.status(local_aws, target_in(service).stack_name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("types", "code", "said"), [(b"n\n", 1, "Not confirmed"), (b"\n", 1, "Not confirmed"), (b"\x03", 130, "")]
)
def test_no_enter_or_ctrl_c_at_the_question_leaves_nothing_behind(service, stack, types, code, said):
    ended, printed = at_a_terminal(COMMAND, "deploy", service, "--local", sees="Deploy this?", types=types)
    assert ended == code
    assert said in printed
    assert "Traceback" not in printed
    assert stack().status is None


@pytest.mark.slow
def test_a_yes_deploys_and_the_api_answers_where_the_command_said_while_dev_runs(tmp_path):
    service = shop_in(tmp_path, "shop")
    ended, printed = at_a_terminal(COMMAND, "deploy", service, "--local", sees="Deploy this?", types=b"y\n")
    assert ended == 0, printed
    assert "Deployed: shop-dev" in printed
    assert "fastlambda dev" in printed
    with running(service) as dev, connect(endpoint_url=dev.endpoint_url, keys=dev.keys) as aws:
        host = engine.status(aws, "shop-dev").outputs["ApiUrl"].removeprefix("http://").partition(":")[0]
        port = dev.endpoint_url.rpartition(":")[2]
        answer = dev.client.get(dev.endpoint_url, headers={"host": f"{host}:{port}"})
    assert answer.text == "hello"


@pytest.mark.slow
def test_a_stack_is_destroyed_once_its_name_is_typed(service, stack, local_aws):
    engine.deploy(target_in(service), local_aws, lambda _: None, confirm=lambda _: True)
    name = stack().name
    ended, printed = at_a_terminal(COMMAND, "destroy", service, "--local", sees="to destroy it", types=b"shop\n")
    assert (ended, f"is not '{name}'" in printed) == (1, True)
    typed = f"{name}\n".encode()
    ended, printed = at_a_terminal(COMMAND, "destroy", service, "--local", sees="to destroy it", types=typed)
    assert (ended, f"Destroyed: {name}" in printed) == (0, True)
    assert stack().status is None
