"""Environments of Lambda Managed Instances: awslambdaric's workers, several events in one environment."""

from __future__ import annotations

import asyncio
import json
import os
import signal

from fastlambda_cli.local.model import InitStarted, PlatformLine

WORKING = """
    import json, os, pathlib, threading

    HERE = pathlib.Path(__file__).parent

    def handler(event, context):
        if event == "fail":
            raise ValueError("no")
        if event == "environment":
            return dict(os.environ)
        if isinstance(event, dict):
            (HERE / f"inside-{event['name']}").write_text(str(os.getpid()))
            print(json.dumps({"requestId": context.aws_request_id, "said": event["name"]}))
            while not (HERE / "go").exists():
                threading.Event().wait(0.005)
            return event["name"]
        return os.getpid()
"""
MANAGED = {"workers": 3, "initialization_type": "lambda-managed-instances"}


async def inside(lab, *names):
    """Wait until these events have begun; return the workers that run them."""
    paths = [lab.folder / f"inside-{name}" for name in names]
    while not all(path.exists() and path.read_text() for path in paths):  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    return [int(path.read_text()) for path in paths]


def test_one_environment_runs_as_many_events_at_once_as_it_has_workers(laboratory):
    async def scenario(lab):
        async with asyncio.TaskGroup() as group:
            running = {name: group.create_task(lab.invoke({"name": name})) for name in "abc"}
            workers = await inside(lab, *running)
            (lab.folder / "go").touch()
        return workers, {name: task.result() for name, task in running.items()}

    workers, results = laboratory.run(WORKING, scenario, **MANAGED)

    assert len(set(workers)) == 3, "each event has a process of its own"
    assert {name: json.loads(result.payload) for name, result in results.items()} == {name: name for name in "abc"}
    assert len(laboratory.of(InitStarted)) == 1
    for name, result in results.items():
        assert f'"said": "{name}"' in result.log_tail.decode()
        assert result.request_id in result.log_tail.decode().splitlines()[-1]


def test_one_event_more_than_an_environment_has_workers_gets_another_environment(laboratory):
    async def scenario(lab):
        async with asyncio.TaskGroup() as group:
            for name in "abcd":
                group.create_task(lab.invoke({"name": name}))
            await inside(lab, *"abcd")
            (lab.folder / "go").touch()

    laboratory.run(WORKING, scenario, **MANAGED)

    assert len(laboratory.of(InitStarted)) == 2


def test_a_worker_that_is_killed_costs_its_own_event_alone(laboratory):
    async def scenario(lab):
        async with asyncio.TaskGroup() as group:
            running = {name: group.create_task(lab.invoke({"name": name})) for name in "abc"}
            workers = await inside(lab, *running)
            os.kill(workers[1], signal.SIGKILL)
            killed = await running["b"]
            (lab.folder / "go").touch()
        return killed, running["a"].result(), running["c"].result(), await lab.invoke(1)

    killed, *others, after = laboratory.run(WORKING, scenario, **MANAGED)

    assert json.loads(killed.payload)["errorType"] == "Runtime.ExitError"
    assert [json.loads(each.payload) for each in others] == ["a", "c"]
    assert after.function_error is None
    assert len(laboratory.of(InitStarted)) == 1


def test_a_timeout_ends_its_event_and_neither_the_worker_nor_the_environment(laboratory):
    async def scenario(lab):
        timed_out = await lab.invoke({"name": "late"})
        (lab.folder / "go").touch()
        return timed_out, [await lab.invoke(1) for _ in range(6)]

    timed_out, after = laboratory.run(WORKING, scenario, timeout=1, **MANAGED)

    assert json.loads(timed_out.payload)["errorType"] == "Sandbox.Timedout"
    assert {each.function_error for each in after} == {None}
    assert len(laboratory.of(InitStarted)) == 1


def test_the_environment_knows_what_it_is_and_errors_are_the_functions_own(laboratory):
    async def scenario(lab):
        return json.loads((await lab.invoke("environment")).payload), await lab.invoke("fail")

    seen, failed = laboratory.run(WORKING, scenario, **MANAGED)

    assert seen["AWS_LAMBDA_INITIALIZATION_TYPE"] == "lambda-managed-instances"
    assert seen["AWS_LAMBDA_MAX_CONCURRENCY"] == "3"
    assert json.loads(failed.payload)["errorType"] == "ValueError"
    assert all(line.text.startswith("{") for line in laboratory.of(PlatformLine))


def test_an_init_that_fails_in_every_worker_is_the_answer(laboratory):
    failed = laboratory.run("raise OSError('no disk')", lambda lab: lab.invoke(), **MANAGED)

    assert json.loads(failed.payload)["errorType"] == "OSError"


def test_when_no_worker_is_left_the_next_event_gets_another_environment_and_nothing_stays_behind(laboratory):
    async def scenario(lab):
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(lab.invoke({"name": name})) for name in "abc"]
            for worker in await inside(lab, *"abc"):
                os.kill(worker, signal.SIGKILL)
        return [task.result() for task in running], await lab.invoke(1)

    killed, after = laboratory.run(WORKING, scenario, **MANAGED)

    assert {json.loads(each.payload)["errorType"] for each in killed} == {"Runtime.ExitError"}
    assert after.function_error is None
    assert len(laboratory.of(InitStarted)) == 2
    assert not list((laboratory.folder / "processes" / "tmp").iterdir())
