"""Environments of deployed versions come and go; no request notices."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from background import eventually
from deployed_functions import WHICH_VERSION, package

from fastlambda_cli.local.model import InvokeResult


def is_running(pid):
    """Whether a process is there and not one that ended and was not collected."""
    return any(process.pid == pid and process.status() != psutil.STATUS_ZOMBIE for process in psutil.process_iter())


PID = "import os\ndef handler(event, context): return os.getpid()"


@pytest.mark.slow
def test_a_steady_load_never_fails_while_its_alias_moves(aws):
    name = aws.create(WHICH_VERSION % 1)
    aws.lambda_.publish_version(FunctionName=name)
    aws.lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    seen = []
    done = threading.Event()

    def load():
        while not done.is_set():
            seen.append(aws.invoke(name, Qualifier="live"))

    with ThreadPoolExecutor(3) as clients:
        running = [clients.submit(load) for _ in range(3)]
        try:
            for number in range(2, 6):
                version = aws.update(name, WHICH_VERSION % number)
                aws.lambda_.update_alias(FunctionName=name, Name="live", FunctionVersion=version)
                assert aws.invoke(name, Qualifier="live")["answer"] == number
        finally:
            done.set()
        for client in running:
            client.result()

    assert {answer["answer"] for answer in seen} <= {1, 2, 3, 4, 5}
    assert all(answer["version"] == str(answer["answer"]) for answer in seen)


@pytest.mark.slow
def test_an_emulator_that_is_killed_costs_a_load_nothing_but_time(start_aws, tmp_path):
    with start_aws(tmp_path) as aws:
        name = aws.create(PID)
        aws.lambda_.publish_version(FunctionName=name)
        aws.lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
        before = aws.invoke(name, Qualifier="live")
        state = tmp_path / "state" / "lambda.json"
        eventually(lambda: state.exists() and '"live"' in state.read_text())  # within a second
        os.kill(aws.aws.emulator_pid, signal.SIGKILL)

        after = [aws.invoke(name, Qualifier="live") for _ in range(20)]
        answer = aws.lambda_.get_alias(FunctionName=name, Name="live")

    assert answer["FunctionVersion"] == "1"
    assert set(after) == {before}


def test_a_version_that_nobody_invokes_any_more_ends_and_comes_back_when_it_is_needed(start_aws, tmp_path):
    with start_aws(tmp_path, idle_s=0.2) as aws:
        name = aws.create(PID)
        first = aws.invoke(name)
        eventually(lambda: not psutil.pid_exists(first))

        assert aws.invoke(name) != first


def test_an_event_that_runs_on_a_replaced_version_of_latest_ends_in_peace(aws, tmp_path):
    gate, entered = tmp_path / "gate", tmp_path / "entered"
    os.mkfifo(gate)
    os.mkfifo(entered)
    name = aws.create(
        f"""
        import os
        def handler(event, context):
            open({str(entered)!r}, "w").close()
            return [open({str(gate)!r}).read(), os.getpid()]
        """
    )

    with ThreadPoolExecutor(1) as client:
        answer = client.submit(aws.invoke, name)
        entered.read_text()
        aws.lambda_.update_function_code(FunctionName=name, ZipFile=package(PID))
        new = aws.invoke(name)
        gate.write_text("finished")
        text, pid = answer.result()

    assert (text, new != pid) == ("finished", True)
    eventually(lambda: not psutil.pid_exists(pid))


def test_the_end_of_the_local_aws_ends_every_environment(start_aws, tmp_path):
    with start_aws(tmp_path) as aws:
        pids = [aws.invoke(aws.create(PID)) for _ in range(2)]

    assert not [pid for pid in pids if psutil.pid_exists(pid)]


@pytest.mark.slow
def test_what_a_killed_owner_left_frozen_is_ended_without_another_start(tmp_path):
    script = tmp_path / "command.py"
    script.write_text(
        textwrap.dedent(f"""
        import os, time
        from pathlib import Path
        from deployed_functions import running
        with running(Path({str(tmp_path / "aws")!r})) as aws:
            name = aws.create("import os\\ndef handler(event, context): return os.getpid()")
            print(aws.invoke(name), flush=True)
            time.sleep(60)
        """)
    )
    support = Path(__file__).parents[1] / "support"
    env = {**os.environ, "PYTHONPATH": str(support)}
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, env=env) as owner:
        pid = int(owner.stdout.readline())
        owner.kill()

    eventually(lambda: not is_running(pid))


def test_a_folder_takes_the_place_of_the_deployed_function_but_not_of_its_versions(aws):
    name = aws.create(WHICH_VERSION % "deployed")
    aws.lambda_.publish_version(FunctionName=name)
    aws.lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    aws.lambda_.create_alias(FunctionName=name, Name="other", FunctionVersion="1")

    async def folder(invocation):
        return InvokeResult(json.dumps({"answer": "folder"}).encode(), invocation.request_id)

    async def register():
        aws.aws.register(name, folder, ("live",))

    async def unregister():
        aws.aws.unregister(name)

    qualifiers = [{}, {"Qualifier": "$LATEST"}, {"Qualifier": "live"}, {"Qualifier": "other"}, {"Qualifier": "1"}]
    aws.run(register())
    during = [aws.invoke(name, **qualifier)["answer"] for qualifier in qualifiers]
    aws.run(unregister())
    after = [aws.invoke(name, **qualifier)["answer"] for qualifier in qualifiers]

    assert during == ["folder", "folder", "folder", "deployed", "deployed"]
    assert after == ["deployed"] * 5
