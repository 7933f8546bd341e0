"""INIT, freeze, thaw, replacement and end of execution environments."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import sys

import psutil
import pytest

from fastlambda_cli.local.model import InitEnded, Status, ThrottledError

only_with_proc = pytest.mark.skipif(sys.platform != "linux", reason="only /proc tells what a process was started with")


def children(lab):
    return [psutil.Process(int(path.stem)) for path in (lab.folder / "processes").glob("*.json")]


def test_an_environment_is_frozen_between_events(laboratory):
    ticking = """
        import threading, time
        ticks = 0
        def tick():
            global ticks
            while True:
                ticks += 1
                time.sleep(0.001)
        threading.Thread(target=tick, daemon=True).start()
        def handler(event, context):
            return ticks
    """

    async def scenario(lab):
        await lab.invoke()
        (process,) = children(lab)
        async with asyncio.timeout(10):  # the kernel stops a process that runs on another core a moment later
            while process.status() != psutil.STATUS_STOPPED:  # noqa: ASYNC110 - the kernel tells nobody
                await asyncio.sleep(0.001)
        return (await lab.invoke()).function_error

    assert laboratory.run(ticking, scenario) is None


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("import nothing_of_that_name", "Runtime.ImportModuleError", "No module named 'nothing_of_that_name'"),
        ("def handler(event, context) return 1", "Runtime.UserCodeSyntaxError", "Syntax error in module"),
        ("x = 1", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'lambda_handler'"),
        ("raise ValueError('no settings')", "ValueError", "no settings"),
        ("import sys; sys.exit(3)", "Runtime.ExitError", "exit status 3"),
    ],
)
def test_code_that_does_not_load_fails_init_with_its_cause_and_again_inside_the_event(
    laboratory, source, kind, message
):
    result = laboratory.run(source, lambda lab: lab.invoke())

    record = json.loads(result.payload)
    assert record["errorType"] == kind
    assert message in record["errorMessage"]
    outcomes = [(ended.status, ended.error["errorType"]) for ended in laboratory.of(InitEnded)]
    assert outcomes == [(Status.ERROR, kind)] * 2


def test_an_init_that_is_too_slow_runs_again_under_the_functions_timeout(laboratory):
    slow_once = """
        import pathlib, threading
        marker = pathlib.Path(__file__).with_name("second-try")
        if not marker.exists():
            marker.touch()
            threading.Event().wait()
        def handler(event, context):
            return "up"
    """

    result = laboratory.run(slow_once, lambda lab: lab.invoke(), init_timeout=1.0)

    assert result.payload == b'"up"'
    assert [event.status for event in laboratory.of(InitEnded)] == [Status.TIMEOUT, Status.SUCCESS]


def test_new_code_answers_after_a_replacement_while_a_running_event_ends_on_the_old(laboratory):
    old = """
        import pathlib, time
        def handler(event, context):
            if event:
                pathlib.Path(event).touch()
                while not pathlib.Path(event + ".go").exists():
                    time.sleep(0.005)
            return "old"
    """

    async def scenario(lab):
        inside = lab.folder / "inside"
        running = asyncio.create_task(lab.invoke(str(inside)))
        while not inside.exists():  # noqa: ASYNC110 - another process says it, through a file
            await asyncio.sleep(0.005)
        lab.write("def handler(event, context): return 'new'")
        lab.function.replace(dataclasses.replace(lab.function.spec))
        new = await lab.invoke()
        inside.with_suffix(".go").touch()
        return new.payload, (await running).payload, (await lab.invoke()).payload

    assert laboratory.run(old, scenario) == (b'"new"', b'"old"', b'"new"')


@pytest.mark.parametrize("abandon", ["replace", "retire", "close"])
def test_an_environment_that_is_up_the_moment_it_is_abandoned_is_ended(laboratory, abandon):
    async def scenario(lab):
        lab.function.warm()
        while not lab.of(InitEnded):  # noqa: ASYNC110 - the loop's very next round is the moment
            await asyncio.sleep(0)
        if abandon == "replace":
            lab.function.replace(lab.function.spec, warm=False)
        elif abandon == "retire":
            lab.function.retire()

    laboratory.run("def handler(event, context):\n    pass\n", scenario)

    assert laboratory.registry.end_strays() == 0


def test_a_replacement_does_not_raise_the_limit_while_an_old_event_runs(laboratory):
    waiting = """
        import pathlib, time
        def handler(event, context):
            if event:
                pathlib.Path(event).touch()
                while not pathlib.Path(event + ".go").exists():
                    time.sleep(0.005)
    """

    async def scenario(lab):
        inside = lab.folder / "inside"
        running = asyncio.create_task(lab.invoke(str(inside)))
        while not inside.exists():  # noqa: ASYNC110 - another process says it, through a file
            await asyncio.sleep(0.005)
        lab.function.replace(dataclasses.replace(lab.function.spec))
        with pytest.raises(ThrottledError):
            await lab.invoke()
        inside.with_suffix(".go").touch()
        return (await running).function_error, (await lab.invoke()).function_error

    assert laboratory.run(waiting, scenario, concurrency=1) == (None, None)


def test_a_broken_version_fails_until_a_good_one_heals_it(laboratory):
    async def scenario(lab):
        outcomes = []
        for source in (
            "def handler(event, context): return 1",
            "def handler(",
            "def handler(event, context): return 2",
        ):
            lab.write(source)
            lab.function.replace(dataclasses.replace(lab.function.spec))
            outcomes.append((await lab.invoke()).payload)
        return outcomes

    first, broken, healed = laboratory.run("def handler(event, context): return 0", scenario)
    assert (first, healed) == (b"1", b"2")
    assert json.loads(broken)["errorType"] == "Runtime.UserCodeSyntaxError"


@pytest.mark.slow
@pytest.mark.parametrize("leaves_the_group", [False, pytest.param(True, marks=only_with_proc)])
def test_whatever_the_function_started_ends_with_its_environment(laboratory, leaves_the_group):
    spawning = """
        import subprocess, sys
        def handler(event, context):
            command = [sys.executable, "-c", "import threading; threading.Event().wait()"]
            return subprocess.Popen(command, start_new_session=event).pid
    """

    async def scenario(lab):
        return json.loads((await lab.invoke(leaves_the_group)).payload)

    grandchild = laboratory.run(spawning, scenario)
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(grandchild).wait(timeout=10)
    assert not children(laboratory)


def test_an_owner_that_was_killed_leaves_records_by_which_the_next_one_ends_its_children(laboratory):
    async def scenario(lab):
        sleeper = await lab.registry.spawn(
            [sys.executable, "-c", "import threading; threading.Event().wait()"],
            env={},
            cwd=lab.folder,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        next_owner = type(lab.registry)(lab.folder / "processes")
        return next_owner.end_strays(), await sleeper.wait(), next_owner.end_strays()

    assert laboratory.run("", scenario) == (1, -9, 0)


POLITE = """
    import json, os, pathlib, signal, sys, urllib.request
    def goodbye(*_):
        pathlib.Path(__file__).with_name("goodbye").touch()
        sys.exit(0)
    signal.signal(signal.SIGTERM, goodbye)
    {registered}
    def handler(event, context):
        return 1
"""
REGISTERED = """
    import threading
    api = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2020-01-01/extension"
    def call(path, body=None, **headers):
        with urllib.request.urlopen(urllib.request.Request(api + path, body, headers)) as answer:
            return dict(answer.headers), json.loads(answer.read())
    headers, about = call("/register", b'{"events": []}', **{"Lambda-Extension-Name": "polite"})
    identity = {"Lambda-Extension-Identifier": headers["Lambda-Extension-Identifier"]}
    threading.Thread(target=call, args=("/event/next",), kwargs=identity, daemon=True).start()
"""


@pytest.mark.parametrize(("registered", "told"), [("", False), (REGISTERED, sys.version_info >= (3, 12))])
def test_only_a_runtime_with_an_extension_has_a_moment_to_say_goodbye(laboratory, registered, told):
    laboratory.run(POLITE.replace("{registered}", registered.strip()), lambda lab: lab.invoke())
    # Before 3.12 the runtime client waits for events in C code, where Python's signal handlers never run.
    assert (laboratory.folder / "goodbye").exists() == told


EXTENDED = """
    import json, os, pathlib, threading, time, urllib.request
    api = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2020-01-01/extension"
    def call(path, body=None, **headers):
        with urllib.request.urlopen(urllib.request.Request(api + path, body, headers)) as answer:
            return dict(answer.headers), json.loads(answer.read())
    headers, about = call("/register", b'{"events": ["INVOKE"]}', **{"Lambda-Extension-Name": "extended"})
    identity = {"Lambda-Extension-Identifier": headers["Lambda-Extension-Identifier"]}
"""
PATIENT = (
    EXTENDED
    + """
    go = pathlib.Path(__file__).with_name("go")
    def extend():
        while True:
            call("/event/next", **identity)
            while not go.exists():
                time.sleep(0.001)
            print("the extension is done")
    threading.Thread(target=extend, daemon=True).start()
    def handler(event, context):
        if event == "fail":
            raise ValueError(event)
        return event
"""
)


@pytest.mark.parametrize(
    ("event", "error", "payload"), [("work", None, '"work"'), ("fail", "Unhandled", '"errorType": "ValueError"')]
)
def test_the_caller_has_the_answer_while_an_extension_still_works(laboratory, event, error, payload):
    answers = []

    async def scenario(lab):
        async def answer(result):
            answers.append(result)
            assert lab.function.busy
            (lab.folder / "go").touch()

        return await lab.invoke(event, early=answer)

    whole = laboratory.run(PATIENT, scenario)

    (early,) = answers
    assert (early.function_error, payload in early.payload.decode()) == (error, True)
    assert (early.payload, early.request_id) == (whole.payload, whole.request_id)
    assert b"the extension is done" in whole.log_tail.removeprefix(early.log_tail)


def test_an_answer_without_extensions_is_given_once_and_whole(laboratory):
    async def scenario(lab):
        async def answer(_):
            raise AssertionError("nobody needed to wait")

        return await lab.invoke("work", early=answer)

    assert laboratory.run("def handler(event, context): return event", scenario).payload == b'"work"'


SLOW = (
    EXTENDED
    + """
    told = []
    def extend():
        while True:
            _, event = call("/event/next", **identity)
            time.sleep(0.2)  # longer than the handler: the next event comes only when this is over
            told.append(event)
    threading.Thread(target=extend, daemon=True).start()
    def handler(event, context):
        return told
"""
)


def test_an_extension_is_told_of_each_event_and_the_environment_is_busy_until_it_is_done(laboratory):
    async def scenario(lab):
        return [await lab.invoke(invoked_arn="arn:of:books:live") for _ in range(2)]

    first, second = laboratory.run(SLOW, scenario)

    (told,) = json.loads(second.payload)
    assert (told["eventType"], told["requestId"]) == ("INVOKE", first.request_id)
    assert told["invokedFunctionArn"] == "arn:of:books:live"
    assert told["tracing"]["value"].startswith("Root=1-")
    assert told["deadlineMs"] > 0
