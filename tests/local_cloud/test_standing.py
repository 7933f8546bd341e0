"""Commands that come and go find the local AWS of a running `dev`, or have one of their own."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import psutil
import pytest
from access_keys import NOBODYS, of_boto3

from fastlambda_cli.aws.session import connect
from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.keys import keep_keys
from fastlambda_cli.local.model import Notice
from fastlambda_cli.local.session import STATE, Session, exclusive, recorded, running_session
from fastlambda_cli.local.standing import local_aws


def told(event):
    assert isinstance(event, Notice)


def buckets(endpoint):
    options = {"endpoint_url": endpoint.endpoint_url, "region_name": "us-east-1"}
    client = boto3.client("s3", **options, **of_boto3(endpoint.keys))
    try:
        return client, {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
    finally:
        client.close()


@pytest.mark.slow
def test_without_a_dev_a_local_aws_is_started_and_ended_and_its_state_stays(tmp_path):
    others = psutil.Process().children(recursive=True)
    with local_aws(tmp_path, told) as first:
        client, before = buckets(first)
        client.create_bucket(Bucket="kept")
        children = set(psutil.Process().children(recursive=True)).difference(others)

    with local_aws(tmp_path, told) as second:
        _, after = buckets(second)

    assert first.owned
    assert second.owned
    assert children
    assert not [child for child in children if child.is_running()]
    assert (before, after) == (set(), {"kept"})


def test_the_local_aws_of_a_running_dev_is_used_as_it_is(tmp_path):
    state = tmp_path / STATE
    session = Session("dev", "http://127.0.0.1:4566", "http://127.0.0.1:8000")

    keep_keys(state / "aws", NOBODYS)

    with exclusive(state), recorded(state, session), local_aws(tmp_path, told) as endpoint:
        assert endpoint.keys == NOBODYS
        assert endpoint.endpoint_url == session.endpoint_url
        assert not endpoint.owned
        assert running_session(state) == session

    assert running_session(state) is None


def test_a_dev_of_a_release_that_checked_no_signatures_has_to_be_started_again(tmp_path):
    state = tmp_path / STATE
    session = Session("dev", "http://127.0.0.1:4566", "http://127.0.0.1:8000")

    with (
        exclusive(state),
        recorded(state, session),
        pytest.raises(EmulatorError, match="an older release") as caught,
        local_aws(tmp_path, told),
    ):
        pass

    assert "start it again" in caught.value.remedy


class Second:
    """A second command beside one that is not to be used: it has said so once the block begins."""

    def __init__(self, root):
        self._root = root
        self._waiting = threading.Event()
        self.told = []

    def __enter__(self):
        self._threads = ThreadPoolExecutor(1)
        self.endpoint = self._threads.submit(self._use)
        assert self._waiting.wait(30)
        return self

    def __exit__(self, *_):
        self._threads.shutdown()

    def _use(self):
        with local_aws(self._root, self._hear) as endpoint:
            return endpoint

    def _hear(self, notice):
        self.told.append(notice.text)
        self._waiting.set()


def test_another_command_is_waited_for_and_named_once(tmp_path):
    with contextlib.ExitStack() as first:
        first.enter_context(exclusive(tmp_path / STATE))
        with Second(tmp_path) as second:
            first.close()
            assert second.endpoint.result().owned

    assert second.told == [f"Waiting for another command on {tmp_path.name}: process {os.getpid()} runs it"]


def test_a_dev_that_is_not_ready_yet_is_waited_for_and_used(tmp_path):
    state = tmp_path / STATE
    session = Session("dev", "http://127.0.0.1:4566", "http://127.0.0.1:8000")

    keep_keys(state / "aws", NOBODYS)

    with exclusive(state), Second(tmp_path) as second, recorded(state, session):
        assert second.endpoint.result().dev == session


def test_what_a_killed_dev_has_recorded_is_not_believed(tmp_path):
    state = tmp_path / STATE
    gone = Session("dev", "http://127.0.0.1:1", "http://127.0.0.1:2", started="before this machine started")

    with exclusive(state), recorded(state, gone):
        assert running_session(state) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_record_that_cannot_be_read_is_none(tmp_path, text):
    (tmp_path / "session.json").write_text(text)

    assert running_session(tmp_path) is None


def test_the_record_is_for_the_user_alone(tmp_path):
    with exclusive(tmp_path), recorded(tmp_path, Session("dev", "http://127.0.0.1:1", "http://127.0.0.1:2")):
        assert stat.S_IMODE((tmp_path / "session.json").stat().st_mode) == 0o600


def test_the_error_of_a_local_aws_that_does_not_start_is_raised_where_it_was_asked_for(tmp_path):
    (tmp_path / STATE).mkdir()
    (tmp_path / STATE / "aws").write_text("no folder")

    with pytest.raises(EmulatorError, match="cannot keep its state"), local_aws(tmp_path, told):
        pass


def unreadable(service):
    """Let the emulator of a service find a state that it cannot read."""
    state = service / STATE / "aws" / "state"
    state.mkdir(parents=True)
    (state / "secretsmanager.json").write_text("{ cut short")


def test_an_emulator_that_does_not_start_is_told_by_the_first_call(tmp_path):
    def call():
        with (
            local_aws(tmp_path, told) as at,
            connect(endpoint_url=at.endpoint_url, keys=at.keys, ready=at.ready) as aws,
        ):
            aws.client("s3").list_buckets()
            pytest.fail("answered")

    unreadable(tmp_path)

    with pytest.raises(EmulatorError, match="failed to load secretsmanager"):
        call()


def test_an_emulator_that_did_not_start_is_told_at_the_end_at_the_latest(tmp_path):
    unreadable(tmp_path)

    with (
        pytest.raises(EmulatorError, match="failed to load secretsmanager"),
        local_aws(tmp_path, told) as endpoint,
        contextlib.suppress(EmulatorError),
    ):
        endpoint.ready()


def test_what_needs_no_aws_may_fail_while_it_starts(tmp_path):
    with pytest.raises(ZeroDivisionError), local_aws(tmp_path, told):
        _ = 1 / 0

    with local_aws(tmp_path, told) as endpoint:
        assert buckets(endpoint)[1] == set()


@pytest.mark.slow
def test_ctrl_c_ends_the_command_and_its_local_aws(tmp_path):
    script = tmp_path / "command.py"
    script.write_text(
        textwrap.dedent(f"""
        import time
        from pathlib import Path
        from fastlambda_cli.local.standing import local_aws
        with local_aws(Path({str(tmp_path)!r}), print) as endpoint:
            endpoint.ready()
            print("ready", flush=True)
            time.sleep(60)
        """)
    )
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as command:
        assert command.stdout.readline() == "ready\n"
        children = psutil.Process(command.pid).children(recursive=True)
        command.send_signal(signal.SIGINT)
        _, errors = command.communicate()

    assert children
    assert not [child for child in children if child.is_running()]
    assert "KeyboardInterrupt" in errors
    with Path(tmp_path / STATE / "dev.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
