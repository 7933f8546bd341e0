"""Saving a service's description while it runs: taken over when it is right, told and waited out when it is wrong."""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess

import httpx
import psutil
import pytest
from access_keys import Signed
from dev_command import COMMAND, PATIENCE_S, running
from no_tls import NO_TLS

from fastlambda_cli.artifact.interpreter import own_python
from fastlambda_cli.local.function.own_files import obstacle

OBSTACLE = obstacle(own_python())
HANDLER = """
import time
def handler(event, context):
    if event.get("rawPath") == "/slow":
        print("slowly", flush=True)
        time.sleep(1)
        print("and on")
    if event.get("rawPath") == "/write":
        with open(event["rawQueryString"], "w") as file:
            file.write("it")
    return {"statusCode": 200, "body": context.function_name}
"""


def described(*, name="mine", dependencies="", table=""):
    return f'[project]\nname = "{name}"\nversion = "1"\ndependencies = [{dependencies}]\n[tool.fastlambda]\n{table}\n'


def describe(folder, **changes):
    (folder / "pyproject.toml").write_text(described(**changes))


def mine_in(folder):
    """A plain handler without dependencies, in a folder whose path is not plain at all."""
    service = folder / "build" / "Zoë's [new] service"
    service.mkdir(parents=True)
    (service / "lambda_handler.py").write_text(HANDLER)
    describe(service)
    return service


@pytest.fixture
def mine(tmp_path):
    return mine_in(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with running(mine_in(tmp_path_factory.mktemp("shared"))) as dev:
        yield dev


@pytest.fixture
def dev(shared):
    """A running service of these tests' own, which is described at the end as it was at the beginning."""
    yield shared
    start = len(shared.output)
    if (shared.service / "pyproject.toml").read_text() != described():
        (shared.service / "lambda_handler.py").write_text(HANDLER)
        describe(shared.service)
        shared.wait_for(r"INIT +environment \d+ is up", after=start)


def test_a_wrong_description_is_told_with_its_remedy_and_the_service_runs_on_until_it_is_right(dev):
    start = len(dev.output)
    describe(dev.service, table="memry = 512")
    dev.wait_for(r"has no key memry\. Did you mean memory\? Until then the service runs as it was\.", after=start)
    assert dev.client.get("/").text == "mine-dev"

    start = len(dev.output)
    describe(dev.service, table="memory = 512")
    dev.wait_for(r"INIT +environment \d+ is up", after=start)
    assert dev.client.get("/").text == "mine-dev"
    dev.wait_for(r"memory \d+/512 MB", after=start)


@pytest.mark.slow
def test_what_is_saved_in_the_moment_it_is_ready_is_taken_over(mine):
    with running(mine) as dev:
        (mine / "lambda_handler.py").write_text(HANDLER.replace("context.function_name", "'saved'"))
        dev.wait_for(r"Saved lambda_handler\.py")
        assert dev.client.get("/").text == "saved"


@pytest.mark.slow
def test_a_new_name_is_what_sdks_invoke_from_then_on(mine):
    def invoke(dev, name):
        url = f"{dev.endpoint_url}/2015-03-31/functions/{name}/invocations"
        return httpx.post(url, content=b"{}", timeout=PATIENCE_S, verify=NO_TLS, auth=Signed(dev.keys, "lambda"))

    with running(mine) as dev:
        assert invoke(dev, "mine-dev").json()["body"] == "mine-dev"
        describe(mine, name="yours")
        dev.wait_for(r"INIT +environment 2 is up")
        assert invoke(dev, "yours-dev").json()["body"] == "yours-dev"
        assert invoke(dev, "mine-dev").status_code == 404


def test_a_new_dependency_is_locked_and_installed_without_a_restart(dev):
    start = len(dev.output)
    describe(dev.service, dependencies='"idna>=3"')
    dev.wait_for(r"Installing 1 locked packages", after=start)
    dev.wait_for(r"INIT +environment \d+ is up", after=start)

    start = len(dev.output)
    (dev.service / "lambda_handler.py").write_text(f"import idna\n{HANDLER}")
    dev.wait_for(r"Saved lambda_handler\.py", after=start)
    dev.wait_for(r"INIT +environment \d+ is up", after=start)
    assert dev.client.get("/").text == "mine-dev"


@pytest.mark.skipif(bool(OBSTACLE), reason=OBSTACLE)
def test_what_is_written_beside_the_code_fails_as_on_lambda_but_for_a_folder_that_is_described_as_writable(dev):
    start = len(dev.output)
    refused = dev.client.get("/write?notes.txt")
    dev.wait_for(r"on Lambda everything but /tmp is read-only", after=start)
    describe(dev.service, table='local.writable = ["data"]')
    dev.wait_for(r"INIT +environment \d+ is up", after=start)
    written = dev.client.get("/write?data/notes.txt")

    assert (refused.status_code, written.status_code) == (500, 200)
    assert (dev.service / "data" / "notes.txt").read_text() == "it"


def test_what_the_function_logs_after_its_client_left_is_shown_when_it_ends(dev):
    with pytest.raises(httpx.ReadTimeout):
        dev.client.get("/slow", timeout=0.3)
    dev.wait_for(r"GET +/slow +499 .*the function runs on")
    dev.wait_for(r"GET +/slow ran on +ok +1\d{3}\.\d ms")
    dev.wait_for(r"^ +and on$")


@pytest.mark.slow
def test_a_taken_port_is_said_before_anything_is_installed_and_names_the_option_that_helps(mine, tmp_path):
    for option, other in (("--port", "--aws-port"), ("--aws-port", "--port")):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            ports = (option, str(taken.getsockname()[1]), other, "0")
            answer = subprocess.run(
                [COMMAND, "dev", mine, *ports],
                env={**os.environ, "COLUMNS": "200", "FASTLAMBDA_CACHE_DIR": str(tmp_path / "empty")},
                capture_output=True,
                text=True,
                check=False,
                timeout=PATIENCE_S,
            )
        assert answer.returncode == 3
        assert f"choose another port with {option} (0 takes any free one)." in answer.stderr
        assert not list((tmp_path / "empty").glob("*/*/bin")), "nothing was installed"


def test_a_folder_where_no_state_can_be_kept_is_said_so(mine):
    (mine / ".fastlambda").touch()
    answer = subprocess.run(
        [COMMAND, "dev", mine, "--port", "0", "--aws-port", "0"],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert answer.returncode == 1
    assert answer.stderr.startswith("Error: Cannot keep local state in ")
    assert "Traceback" not in answer.stderr


def test_what_is_kept_beside_the_service_stays_out_of_git(dev):
    assert (dev.service / ".fastlambda" / ".gitignore").read_text() == "*\n"


@pytest.mark.slow
def test_closing_the_terminal_ends_everything_without_a_traceback(mine):
    control, terminal = pty.openpty()
    dev = subprocess.Popen(
        [COMMAND, "dev", mine, "--port", "0", "--aws-port", "0"],
        stdin=terminal,
        stdout=terminal,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    os.close(terminal)
    shown = b""
    while b"is up" not in shown:
        shown += os.read(control, 4096)
    children = psutil.Process(dev.pid).children(recursive=True)

    os.close(control)
    dev.send_signal(signal.SIGHUP)
    _, errors = dev.communicate(timeout=PATIENCE_S)

    assert errors == b""
    psutil.wait_procs(children, timeout=10)
    assert not [child for child in children if child.is_running()]
