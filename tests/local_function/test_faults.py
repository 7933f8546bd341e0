"""Whatever a function does to itself, its caller gets Lambda's answer and the next event is served."""

from __future__ import annotations

import asyncio
import json
import os
import signal

import pytest

from fastlambda_cli.local.model import (
    InitEnded,
    InvocationReported,
    LogLine,
    Notice,
    PlatformLine,
    Status,
    ThrottledError,
)

MISBEHAVING = """
    import json, os, pathlib, signal, sys, threading

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    HERE = pathlib.Path(__file__).parent
    inits = HERE / "inits"
    with inits.open("a") as file:
        file.write("INIT\\n")
    seen = []

    def wait(event):
        (HERE / f"inside-{event['name']}").write_text(str(os.getpid()))
        while not (HERE / "go").exists():
            threading.Event().wait(0.005)
        return event["name"]

    def fork():
        if os.fork() == 0:
            threading.Event().wait()
        return "parent"

    def handler(event, context):
        seen.append(event)
        match event:
            case {"name": _}:
                return wait(event)
            case "hang":
                threading.Event().wait()
            case "exit":
                os._exit(0)
            case "die":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "allocate":
                return len(bytearray(b"x") * 400_000_000)
            case "let children allocate":
                if os.fork() == 0:
                    kept = bytearray(b"x") * 400_000_000
                threading.Event().wait()
            case "fork":
                return fork()
            case "print":
                for _ in range(50):
                    print("x" * 1_000_000)
            case "return an object":
                return object()
            case "return nothing":
                return None
            case "leave":
                sys.exit(0)
        return [len(seen), len(inits.read_text().split())]
"""


def error_of(result):
    return json.loads(result.payload)["errorType"] if result.function_error else None


@pytest.mark.slow
def test_after_each_failure_the_environment_is_initialised_again_inside_the_next_event(laboratory):
    async def scenario(lab):
        await lab.invoke("begin")
        outcomes = []
        for deed in ("hang", "exit", "die", "allocate", "let children allocate", "leave"):
            failed = await lab.invoke(deed)
            after = await lab.invoke("go on")
            outcomes.append((deed, error_of(failed), json.loads(after.payload)[0], after.cold))
        return outcomes

    outcomes = laboratory.run(MISBEHAVING, scenario, timeout=3, memory_mb=128, log_format="Text", tracing=False)

    assert outcomes == [
        ("hang", "Sandbox.Timedout", 1, True),
        ("exit", "Runtime.ExitError", 1, True),
        ("die", "Runtime.ExitError", 1, True),
        ("allocate", "Runtime.ExitError", 1, True),
        ("let children allocate", "Runtime.ExitError", 1, True),
        ("leave", "Runtime.ExitError", 1, True),
    ], "globals do not survive"
    reports = laboratory.of(InvocationReported)
    assert {report.environment for report in reports} == {1}
    suppressed = reports[2]
    assert suppressed.init_duration_ms is None
    assert suppressed.duration_ms >= laboratory.of(InitEnded)[1].duration_ms, "its INIT counts into Duration"
    assert [report.max_memory_used_mb for report in reports if report.status is Status.ERROR][2:4] == [128, 128]
    lines = [line.text for line in laboratory.of(PlatformLine)]
    assert sum(line.startswith("INIT_START") for line in lines) == 1, "an INIT inside an event is not announced"
    assert [line.split("\t", 5)[-1] for line in lines if "Status: timeout" in line] == ["Status: timeout\t"]


def test_more_memory_than_the_function_has_is_a_runtime_that_was_killed(laboratory):
    result = laboratory.run(
        MISBEHAVING, lambda lab: lab.invoke("allocate"), memory_mb=128, log_format="Text", tracing=False
    )

    assert json.loads(result.payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {result.request_id} Error: Runtime exited with error: signal: killed",
    }
    (notice,) = laboratory.of(Notice)
    assert notice.text.startswith("books used more memory than its 128 MB")
    tail = result.log_tail.decode()
    assert "Memory Size: 128 MB\tMax Memory Used: 128 MB\t" in tail
    assert tail.splitlines()[-1].endswith("Status: error\tError Type: Runtime.ExitError\t")


def test_an_init_that_takes_more_memory_than_the_function_has_fails(laboratory):
    greedy = "kept = bytearray(b'x') * 400_000_000\ndef handler(event, context): return 1"

    result = laboratory.run(greedy, lambda lab: lab.invoke(), memory_mb=128)

    assert "signal: killed" in json.loads(result.payload)["errorMessage"]


def test_strange_but_harmless_deeds_cost_no_environment(laboratory):
    async def scenario(lab):
        results = [await lab.invoke(deed) for deed in ("return nothing", "return an object", "fork", "print")]
        return results, json.loads((await lab.invoke("count")).payload)

    (nothing, unserialisable, forked, printed), (seen, inits) = laboratory.run(MISBEHAVING, scenario)

    assert nothing.payload == b"null"
    assert error_of(unserialisable) == "Runtime.MarshalError"
    assert (forked.payload, error_of(printed)) == (b'"parent"', None)
    assert sum(len(line.text) for line in laboratory.of(LogLine) if line.text[0] == "x") == 50_000_000
    assert (seen, inits) == (5, 1)


def test_an_environment_that_is_killed_costs_its_own_event_and_no_other(laboratory):
    async def scenario(lab):
        async with asyncio.TaskGroup() as group:
            running = {name: group.create_task(lab.invoke({"name": name})) for name in ("a", "b", "c", "d")}
            inside = {name: lab.folder / f"inside-{name}" for name in running}
            while not all(path.exists() and path.read_text() for path in inside.values()):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            os.kill(int(inside["c"].read_text()), signal.SIGKILL)
            killed = await running["c"]
            (lab.folder / "go").touch()
        return killed, {name: task.result().payload for name, task in running.items() if name != "c"}

    killed, others = laboratory.run(MISBEHAVING, scenario)

    assert "signal: killed" in json.loads(killed.payload)["errorMessage"]
    assert others == {"a": b'"a"', "b": b'"b"', "d": b'"d"'}


def test_of_200_clients_ten_are_served_and_the_others_throttled_and_nothing_is_left_over(laboratory):
    async def scenario(lab):
        clients = [asyncio.create_task(lab.invoke({"name": str(n)})) for n in range(200)]
        while len(list(lab.folder.glob("inside-*"))) < 10:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        (lab.folder / "go").touch()
        outcomes = await asyncio.gather(*clients, return_exceptions=True)
        return outcomes, await asyncio.gather(*(lab.invoke({"name": "again"}) for _ in range(10)))

    outcomes, again = laboratory.run(MISBEHAVING, scenario, concurrency=10)

    throttled = [outcome for outcome in outcomes if isinstance(outcome, ThrottledError)]
    assert (len(throttled), len({id(each) for each in outcomes}) - len(throttled)) == (190, 10)
    assert {(each.payload, each.cold) for each in again} == {(b'"again"', False)}


def test_an_environment_that_dies_while_it_is_frozen_costs_no_event(laboratory):
    async def scenario(lab):
        await lab.invoke("begin")
        (record,) = (lab.folder / "processes").glob("*.json")
        os.kill(int(record.stem), signal.SIGKILL)
        while record.exists():  # noqa: ASYNC110 - it is forgotten once its end is known
            await asyncio.sleep(0.005)
        return await lab.invoke("go on")

    result = laboratory.run(MISBEHAVING, scenario)

    assert (result.function_error, json.loads(result.payload), result.cold) == (None, [1, 2], True)


WRITING = """
    import os, pathlib, tempfile

    def handler(event, context):
        folder = pathlib.Path(tempfile.gettempdir())
        if isinstance(event, dict):
            for name, size in event.items():
                (folder / name).write_bytes(bytes(size))
        if event == "exit":
            os._exit(0)
        return {"folder": str(folder), "files": sorted(each.name for each in folder.iterdir())}
"""


def test_a_function_that_fills_its_temporary_folder_fails_and_the_next_event_has_what_fitted(laboratory):
    async def scenario(lab):
        filled = await lab.invoke({"small": 1000, "large": 3_000_000})
        return filled, json.loads((await lab.invoke()).payload)

    filled, after = laboratory.run(WRITING, scenario, ephemeral_storage_mb=1)

    assert error_of(filled) == "OSError"
    assert after["files"] == ["large", "small"]


def test_more_in_the_temporary_folder_than_lambda_would_let_in_is_told_once(laboratory):
    async def scenario(lab):
        for _ in range(2):
            await lab.invoke(dict.fromkeys("abc", 600000))
            while not lab.of(Notice):  # noqa: ASYNC110 - it is looked at when the environment is frozen
                await asyncio.sleep(0.005)

    laboratory.run(WRITING, scenario, ephemeral_storage_mb=1)

    (notice,) = laboratory.of(Notice)
    assert "2 MB in its temporary folder, more than its 1 MB" in notice.text


def test_every_environment_has_a_temporary_folder_of_its_own_that_outlives_a_crash_and_goes_with_it(laboratory):
    async def scenario(lab):
        one = json.loads((await lab.invoke({"kept": 1})).payload)
        await lab.invoke("exit")
        again = json.loads((await lab.invoke()).payload)
        lab.function.replace(lab.function.spec)
        return one, again, json.loads((await lab.invoke()).payload)

    one, again, other = laboratory.run(WRITING, scenario)

    assert one == again
    assert (other["files"], other["folder"] != one["folder"]) == ([], True)
    assert not list((laboratory.folder / "processes" / "tmp").iterdir())


MEDDLING = """
    import http.client, json, os, random

    def handler(event, context):
        dice = random.Random(event)
        runtime, extension = "/2018-06-01/runtime", "/2020-01-01/extension"
        ids = ["", "x", "0" * 36, context.aws_request_id[::-1]]
        paths = [f"{runtime}/invocation/{dice.choice(ids)}/{verb}" for verb in ("response", "error", "nothing")]
        paths += [f"{runtime}/{rest}" for rest in ("invocation/next", "init/error", "restore/next")]
        paths += [f"{extension}/register", f"{extension}/event/next", "/", "/%00", "/2022-07-01/telemetry"]
        answers = set()
        for _ in range(100):
            api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"], timeout=5)
            body = dice.randbytes(dice.randrange(100))
            api.request(dice.choice(["GET", "POST", "PUT", "DELETE"]), dice.choice(paths), body)
            if dice.random() < 0.8:  # the others hang up
                answers.add(api.getresponse().status)
            api.close()
        return sorted(answers)
"""


def test_a_function_that_meddles_with_its_runtime_api_is_refused_and_answers_all_the_same(laboratory):
    async def scenario(lab):
        return [await lab.invoke(seed) for seed in range(3)]

    answers = laboratory.run(MEDDLING, scenario)

    assert {answer.function_error for answer in answers} == {None}
    assert [json.loads(answer.payload) for answer in answers] == [[202, 400, 403, 404]] * 3
    assert len({report.environment for report in laboratory.of(InvocationReported)}) == 1
