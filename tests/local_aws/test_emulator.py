"""The emulator never outlives its owner, never loses what it was given, and keeps it from others' eyes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from access_keys import of_boto3

from fastlambda_cli.errors import EmulatorError, PortTakenError
from fastlambda_cli.local.aws import LocalAws
from fastlambda_cli.local.keys import read_keys
from fastlambda_cli.local.processes import start_time

OWNER = Path(__file__).with_name("owner.py")


def keep(aws, name="books/app", value="a secret value"):
    aws.client("secretsmanager").create_secret(Name=name, SecretString=value)


def kept(aws, name="books/app"):
    return aws.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]


def saved(directory, name="books/app"):
    """Whether the secret is on disk, where the emulator's sudden death cannot take it."""
    state = directory / "state" / "secretsmanager.json"
    return state.exists() and name in state.read_text(encoding="utf-8")


@pytest.mark.slow
def test_what_was_stored_is_there_at_the_next_start(start_aws, tmp_path):
    with start_aws(tmp_path) as aws:
        keep(aws)
        aws.client("s3").create_bucket(Bucket="book-covers")
        aws.client("s3").put_object(Bucket="book-covers", Key="emma.png", Body=b"png")

    with start_aws(tmp_path) as aws:
        assert kept(aws) == "a secret value"
        assert aws.client("s3").get_object(Bucket="book-covers", Key="emma.png")["Body"].read() == b"png"


def test_nothing_is_left_running_after_the_end(start_aws, tmp_path):
    with start_aws(tmp_path) as aws:
        pid = aws.aws.emulator_pid

    assert start_time(pid) is None
    assert list((tmp_path / "processes").iterdir()) == []


@pytest.mark.slow
def test_a_killed_emulator_is_restarted_with_its_state_and_the_user_is_told(start_aws, tmp_path, eventually):
    with start_aws(tmp_path) as aws:
        keep(aws)
        eventually(lambda: saved(tmp_path))
        first = aws.aws.emulator_pid
        os.kill(first, signal.SIGKILL)

        assert kept(aws) == "a secret value"
        eventually(lambda: any("is back" in notice.text for notice in aws.notices))
        assert aws.aws.emulator_pid != first
        assert any("killed by SIGKILL" in notice.text and notice.warning for notice in aws.notices)


@pytest.mark.slow
def test_a_request_that_arrives_while_it_is_dead_waits_for_the_next_one(start_aws, tmp_path, eventually):
    with start_aws(tmp_path) as aws:
        keep(aws)
        eventually(lambda: saved(tmp_path))
        client = aws.client("secretsmanager", retries={"total_max_attempts": 1})
        os.kill(aws.aws.emulator_pid, signal.SIGKILL)
        eventually(lambda: any("died" in notice.text for notice in aws.notices))

        assert client.get_secret_value(SecretId="books/app")["SecretString"] == "a secret value"


def test_an_emulator_that_keeps_dying_is_given_up_with_a_clear_word(start_aws, tmp_path, eventually):
    with start_aws(tmp_path) as aws:

        def given_up():
            with contextlib.suppress(ProcessLookupError):
                os.kill(aws.aws.emulator_pid, signal.SIGKILL)
            return any("keeps dying: 4 times" in notice.text for notice in aws.notices)

        eventually(given_up)
        status, _, body = aws.http("GET", "/_ministack/health", headers=[("Host", "localhost")])

    assert status == 503
    assert b"keeps dying: 4 times within 60 s, last: killed by SIGKILL" in body


@contextlib.contextmanager
def killed_owner(directory, act):
    """Start an owner in a process of its own, let the test act on its AWS, and kill it without warning."""
    with subprocess.Popen([sys.executable, OWNER, directory], stdout=subprocess.PIPE, text=True) as owner:
        try:
            where = json.loads(owner.stdout.readline())
            client = boto3.client(
                "secretsmanager",
                endpoint_url=where["url"],
                region_name="us-east-1",
                **of_boto3(read_keys(directory)),
            )
            with contextlib.closing(client):
                act(client)
        finally:
            owner.kill()
    yield where["emulator"]


@pytest.mark.slow
def test_the_emulator_of_a_killed_owner_saves_its_state_and_ends(start_aws, tmp_path, eventually):
    def act(client):
        client.create_secret(Name="books/app", SecretString="written just before the kill")

    with killed_owner(tmp_path, act) as emulator:
        eventually(lambda: start_time(emulator) is None)

    with start_aws(tmp_path) as aws:
        assert kept(aws) == "written just before the kill"


@pytest.mark.slow
def test_the_next_start_ends_an_emulator_that_cannot_end_itself(start_aws, tmp_path, eventually):
    def act(client):
        client.create_secret(Name="books/app", SecretString="saved in time")
        eventually(lambda: saved(tmp_path))
        record = next((tmp_path / "processes").glob("*.json"))
        os.kill(json.loads(record.read_text(encoding="utf-8"))["pid"], signal.SIGSTOP)

    with killed_owner(tmp_path, act) as emulator, start_aws(tmp_path) as aws:
        assert start_time(emulator) is None
        assert kept(aws) == "saved in time"


def test_a_second_owner_is_refused_and_told_who_the_first_is(start_aws, tmp_path):
    with start_aws(tmp_path) as first:
        keep(first)
        with pytest.raises(EmulatorError, match=f"already running: process {os.getpid()} holds"), start_aws(tmp_path):
            pass

        assert kept(first) == "a secret value"


def test_two_services_run_beside_each_other(start_aws, tmp_path):
    with start_aws(tmp_path / "a") as one, start_aws(tmp_path / "b") as other:
        keep(one, value="one")
        keep(other, value="other")

        assert (kept(one), kept(other)) == ("one", "other")


def test_a_taken_port_is_told_before_anything_is_started(tmp_path):
    async def start(port):
        async with LocalAws(tmp_path, lambda _: None, port=port):
            pytest.fail("it started on a taken port")

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"AWS endpoint cannot listen on 127.0.0.1:{port}"):
            asyncio.run(start(port))

    assert not (tmp_path / "emulator.log").exists()


def test_state_that_cannot_be_read_stops_the_start_and_is_not_overwritten(start_aws, tmp_path):
    with start_aws(tmp_path) as aws:
        keep(aws)
    state = tmp_path / "state" / "secretsmanager.json"
    state.write_text("{ cut short", encoding="utf-8")

    with pytest.raises(EmulatorError, match="failed to load secretsmanager"), start_aws(tmp_path):
        pass

    assert state.read_text(encoding="utf-8") == "{ cut short"


def test_nobody_else_can_read_what_is_stored(start_aws, tmp_path):
    directory = tmp_path / "aws"
    with start_aws(directory) as aws:
        keep(aws)
        aws.client("s3").create_bucket(Bucket="book-covers")
        aws.client("s3").put_object(Bucket="book-covers", Key="emma.png", Body=b"png")

    open_to_others = [path for path in [directory, *directory.rglob("*")] if stat.S_IMODE(path.lstat().st_mode) & 0o077]
    assert saved(directory)
    assert open_to_others == []


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads Linux's /proc")
def test_nothing_of_the_shell_reaches_the_emulator(start_aws, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "of the shell")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the shell")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")

    with start_aws(tmp_path) as aws:
        environment = Path(f"/proc/{aws.aws.emulator_pid}/environ").read_bytes()
        command = Path(f"/proc/{aws.aws.emulator_pid}/cmdline").read_bytes()
        status, _, _ = aws.http("GET", "/_ministack/health", headers=[("Host", "localhost")])

    assert status == 200
    assert b"of the shell" not in environment + command
    assert b"PROXY" not in environment


def test_state_that_cannot_be_saved_is_told_once(start_aws, tmp_path, eventually):
    with start_aws(tmp_path) as aws:
        shutil.rmtree(tmp_path / "state", ignore_errors=True)
        (tmp_path / "state").write_text("in the way", encoding="utf-8")
        keep(aws)

        def complaints():
            return [notice for notice in aws.notices if "state is not saved" in notice.text]

        (complaint,) = eventually(complaints)
        assert complaint.warning
        assert str(tmp_path / "state") in complaint.text
