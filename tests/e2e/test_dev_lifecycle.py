"""Saving, breaking, healing, ending, and being killed."""

from __future__ import annotations

import signal

import httpx
import psutil
import pytest
from access_keys import Signed
from dev_command import PATIENCE_S, Dev, running
from no_tls import NO_TLS
from steady_load import Load


@pytest.fixture
def app(dev):
    """The module that holds the app of the running books; it is saved as it was at the end."""
    module = dev.service / "demo" / "main.py"
    good = module.read_text()
    yield module
    if module.read_text() != good:
        start = len(dev.output)
        module.write_text(good)
        dev.wait_for(r"INIT +environment \d+ is up", after=start)


def secret_of(dev, name):
    body = {"SecretId": name}
    headers = {"X-Amz-Target": "secretsmanager.GetSecretValue", "Content-Type": "application/x-amz-json-1.1"}
    auth = Signed(dev.keys, "secretsmanager")
    return httpx.post(dev.endpoint_url, json=body, headers=headers, timeout=60, verify=NO_TLS, auth=auth)


@pytest.mark.slow
def test_saving_replaces_the_code_a_broken_save_says_so_and_a_good_one_heals(dev, app):
    good = app.read_text()
    assert dev.client.get("/version").status_code == 404

    start = len(dev.output)
    app.write_text(good + "\n\n@app.get('/version')\nasync def version() -> str:\n    return 'two'\n")
    dev.wait_for(r"Saved demo/main\.py", after=start)
    assert dev.client.get("/version").json() == "two"

    start = len(dev.output)
    app.write_text(good + "\ndef broken(\n")
    dev.wait_for(r"INIT +failed", after=start)
    dev.wait_for(r"UserCodeSyntaxError: Syntax error in module", after=start)
    assert dev.client.get("/version").status_code == 500

    start = len(dev.output)
    app.write_text(good)
    dev.wait_for(r"INIT +environment \d+ is up", after=start)
    assert dev.client.get("/version").status_code == 404
    assert dev.client.get("/api/v1/books").status_code == 200


def test_an_exception_in_a_route_is_a_500_with_a_readable_traceback_under_its_request(dev, app):
    start = len(dev.output)
    app.write_text(
        app.read_text() + "\n\n@app.get('/boom')\nasync def boom() -> None:\n    raise LookupError('shelf 7')\n"
    )
    dev.wait_for(r"INIT +environment \d+ is up", after=start)

    assert dev.client.get("/boom").status_code == 500

    dev.wait_for(r"GET +/boom +500", after=start)
    dev.wait_for(r'File "demo/main\.py", line \d+, in boom', after=start)
    dev.wait_for(r"LookupError: shelf 7", after=start)
    assert sum("LookupError: shelf 7" in line for line in dev.output[start:]) == 1


def test_a_second_dev_of_the_same_service_is_refused(dev):
    second = Dev(dev.service)
    assert second.wait() == 3
    second.wait_for(r"Error: books is already running")


@pytest.mark.slow
def test_ctrl_c_ends_everything_that_was_started(plain):
    dev = Dev(plain).ready()
    dev.client.get("/health")
    children = dev.children()
    assert len(children) >= 2, "an execution environment and the emulator"

    assert dev.stop(signal.SIGINT) == 0

    psutil.wait_procs(children, timeout=10)
    assert not [child for child in children if child.is_running()]
    assert dev.output[-1] == "Ended; nothing is left running."


@pytest.mark.slow
def test_a_ctrl_c_that_arrives_twice_is_one(plain):
    """`uv run` forwards a signal that the whole process group has got already."""
    dev = Dev(plain).ready()
    children = dev.children()
    dev.process.send_signal(signal.SIGTERM)  # another one, because the system makes one of two alike
    assert dev.stop(signal.SIGINT) == 0
    psutil.wait_procs(children, timeout=10)
    assert not [child for child in children if child.is_running()]
    assert dev.output[-1] == "Ended; nothing is left running."


def test_ctrl_c_while_it_starts_ends_everything_too(plain):
    dev = Dev(plain)
    dev.wait_for(r"starting the local cloud")
    assert dev.stop(signal.SIGINT) == 0
    assert not list((plain / ".fastlambda" / "processes").glob("*.json"))


@pytest.mark.slow
def test_after_kill_9_under_load_nothing_is_left_running_and_secrets_and_data_are_still_there(books):
    first = Dev(books).ready()
    with Load(first.url, clients=4) as load:
        load.now()
        before, orphans = secret_of(first, "fastapi-books-dev/app").json()["SecretString"], first.children()
        first.process.kill()
        first.wait()
    assert {answer.status for answer in load.answers} <= {404, 0}, "answered in full, or not at all"
    psutil.wait_procs(orphans, timeout=10)
    assert not [orphan for orphan in orphans if orphan.is_running()], "the environment is frozen: a guardian ends it"

    with running(books) as second:
        assert secret_of(second, "fastapi-books-dev/app").json()["SecretString"] == before
        assert second.client.get("/api/v1/books").status_code == 200


@pytest.mark.slow
def test_an_emulator_that_is_killed_comes_back_with_its_state(plain):
    with running(plain) as dev:
        emulator = next(child for child in dev.children() if "launcher" in " ".join(child.cmdline()))
        emulator.kill()
        emulator.wait(PATIENCE_S)  # until then it may take a request with it
        answer = secret_of(dev, "plain-dev/app")
        assert answer.status_code == 200, answer.text
        assert dev.client.get("/").status_code == 200
