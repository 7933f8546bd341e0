"""Events that nobody awaits: `begin` gives what `invoke` gives, where an environment waits already, and tells when."""

from __future__ import annotations

import asyncio
import json

import pytest

from fastlambda_cli.local.model import Invocation, InvocationReported, InvocationTraced, LogLine, PlatformLine, Status

ECHO = """
    import os, threading

    def handler(event, context):
        print("got", event)
        match event:
            case "wait":
                threading.Event().wait()
            case "exit":
                os._exit(3)
            case "raise":
                raise LookupError("no such book")
        return event
"""


class Caller:
    """Waits for what is told after all, and keeps what the sink knew by then."""

    def __init__(self, lab):
        self._lab = lab
        self.result = asyncio.get_running_loop().create_future()
        self.done = asyncio.get_running_loop().create_future()
        self.known_when_told = None

    def told(self, result):
        self.known_when_told = len(self._lab.of(InvocationReported))
        self.result.set_result(result)

    def over(self, write_up):
        assert self.result.done()
        self.write_up = write_up

    def logged(self, result):
        assert result == self.result.result()
        self.done.set_result(None)


def begin(lab, event, **options):
    """The caller of an event that runs; None where it does not."""
    caller = Caller(lab)
    begun = lab.function.begin(Invocation(json.dumps(event).encode(), **options), caller)
    return caller if begun else None


async def begun(lab, event):
    caller = begin(lab, event)
    assert caller is not None
    await caller.done
    return caller.result.result()


def test_an_event_is_begun_only_where_an_environment_waits(laboratory):
    async def scenario(lab):
        cold = begin(lab, "too early")
        await lab.invoke("first")
        busy = begin(lab, "second")
        meanwhile = begin(lab, "third")
        await busy.done
        return cold, meanwhile, busy.result.result(), await begun(lab, "fourth")

    cold, meanwhile, second, fourth = laboratory.run(ECHO, scenario)

    assert (cold, meanwhile) == (None, None)
    assert (second.payload, second.cold, second.function_error) == (b'"second"', False, None)
    assert fourth.payload == b'"fourth"'
    assert len({event.environment for event in laboratory.of(InvocationReported)}) == 1


def test_the_caller_comes_first_and_the_log_is_whole_when_it_is_over(laboratory):
    async def scenario(lab):
        await lab.invoke("first")
        caller = begin(lab, "second", request_id="8b4a1c1e-6f2e-4a55-9d4e-3d1c34f9a0aa")
        await caller.done
        return caller

    caller = laboratory.run(ECHO, scenario, log_format="Text")

    assert caller.known_when_told == 1, "the report of the first event alone"
    request_id = caller.result.result().request_id
    mine = [
        event.text
        for event in laboratory.seen
        if getattr(event, "request_id", None) == request_id and isinstance(event, LogLine | PlatformLine)
    ]
    assert [line.split()[0] for line in mine] == ["START", "got", "END", "REPORT"]
    report = laboratory.of(InvocationReported)[-1]
    assert (report.status, report.max_memory_used_mb > 0) == (Status.SUCCESS, True)


@pytest.mark.parametrize("by", ["whoever looks", "the next event", "the freeze", "the end"])
def test_an_event_is_logged_before_anything_else_is(laboratory, by):
    async def scenario(lab):
        await lab.invoke("first")
        caller = begin(lab, "second", request_id="8b4a1c1e-6f2e-4a55-9d4e-3d1c34f9a0aa")
        await caller.result
        match by:
            case "whoever looks":
                caller.write_up()
            case "the next event":
                await lab.invoke("third")
            case "the freeze":
                await caller.done
            case "the end":
                await lab.function.close()
        assert caller.done.done()
        caller.write_up()

    laboratory.run(ECHO, scenario, log_format="Text")

    lines = [event.text.split()[0] for event in laboratory.of(PlatformLine)]
    event = ["START", "END", "REPORT"]
    assert lines == ["INIT_START", *event * (3 if by == "the next event" else 2)]


def test_an_event_that_is_begun_starts_after_the_report_of_the_one_before(laboratory):
    async def scenario(lab):
        await lab.invoke("first")
        second = begin(lab, "second")
        await second.result
        third = begin(lab, "third")
        assert second.done.done()
        await third.done

    laboratory.run(ECHO, scenario, log_format="Text")

    told = [
        event.text.split()[2] for event in laboratory.of(PlatformLine) if event.text.startswith(("START", "REPORT"))
    ]
    assert told == [each for request_id in told[::2] for each in (request_id, request_id)]


def test_only_the_first_event_of_an_environment_that_was_warmed_is_cold(laboratory):
    async def scenario(lab):
        lab.function.warm()
        callers = []
        while len(callers) < 3:
            await asyncio.sleep(0)
            caller = begin(lab, "next")
            if caller is not None:
                callers.append(caller)
                await caller.result
        await callers[-1].done
        return [caller.result.result().cold for caller in callers]

    cold = laboratory.run(ECHO, scenario, tracing=True)

    assert cold == [True, False, False]
    assert [report.init_duration_ms is not None for report in laboratory.of(InvocationReported)] == cold
    assert {traced.cold for traced in laboratory.of(InvocationTraced)[1:]} <= {False}


def test_an_event_that_cannot_be_logged_costs_the_next_one_nothing(laboratory):
    class Forgetful(list):
        """Fails at the second report."""

        def append(self, event):
            reports = [each for each in self if isinstance(each, InvocationReported)]
            if isinstance(event, InvocationReported) and len(reports) == 1:
                super().append(event)
                raise LookupError("no room for it")
            super().append(event)

    async def scenario(lab):
        problems = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context["exception"]))
        await lab.invoke("first")
        second = begin(lab, "second")
        await second.result
        third = begin(lab, "third")
        await third.done
        return second, third, problems

    laboratory.seen = Forgetful()
    second, third, problems = laboratory.run(ECHO, scenario)

    assert [caller.result.result().payload for caller in (second, third)] == [b'"second"', b'"third"']
    assert second.done.done()
    assert [str(problem) for problem in problems] == ["no room for it"]
    assert len(laboratory.of(InvocationReported)) == 3


def test_an_exception_is_the_functions_error_and_costs_no_environment(laboratory):
    async def scenario(lab):
        await lab.invoke("first")
        return await begun(lab, "raise"), await begun(lab, "again")

    failed, again = laboratory.run(ECHO, scenario)

    assert (failed.function_error, json.loads(failed.payload)["errorType"]) == ("Unhandled", "LookupError")
    assert (again.payload, again.cold) == (b'"again"', False)


@pytest.mark.parametrize(
    ("event", "error", "status"),
    [("wait", "Sandbox.Timedout", Status.TIMEOUT), ("exit", "Runtime.ExitError", Status.ERROR)],
)
def test_an_event_that_costs_its_environment_is_told_and_the_next_one_is_not_begun(laboratory, event, error, status):
    async def scenario(lab):
        await lab.invoke("first")
        failed = await begun(lab, event)
        return failed, begin(lab, "next"), await lab.invoke("next"), await begun(lab, "after")

    failed, following, healed, after = laboratory.run(ECHO, scenario, timeout=1)

    assert json.loads(failed.payload)["errorType"] == error
    assert laboratory.of(InvocationReported)[1].status is status
    assert following is None, "the environment has to be initialised again"
    assert (healed.payload, healed.cold) == (b'"next"', True)
    assert (after.payload, after.cold) == (b'"after"', False)


@pytest.mark.parametrize("limits", [{"concurrency": 1}, {"reserved": 1}])
def test_one_event_too_many_is_left_to_invoke_which_throttles_it(laboratory, limits):
    async def scenario(lab):
        await asyncio.gather(
            lab.invoke("a"), *([lab.invoke("b")] if "reserved" not in limits else []), return_exceptions=True
        )
        running = begin(lab, "wait")
        refused = begin(lab, "one more")
        return running, refused

    running, refused = laboratory.run(ECHO, scenario, timeout=1, **limits)

    assert running is not None
    assert refused is None


def test_closing_ends_an_event_that_runs_and_tells_its_caller(laboratory):
    async def scenario(lab):
        await lab.invoke("first")
        caller = begin(lab, "wait")
        await lab.function.close()
        return caller

    caller = laboratory.run(ECHO, scenario)

    assert caller.done.done()
    assert json.loads(caller.result.result().payload)["errorType"] == "Runtime.ExitError"


def test_a_runtime_with_an_extension_is_left_to_invoke(laboratory):
    async def scenario(lab):
        await lab.invoke("first")
        return begin(lab, "second")

    source = """
        import os, threading, urllib.request

        def extension():
            url = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2020-01-01/extension"
            request = urllib.request.Request(f"{url}/register", b'{"events": []}', {"Lambda-Extension-Name": "watcher"})
            with urllib.request.urlopen(request) as answer:
                mine = {"Lambda-Extension-Identifier": answer.headers["Lambda-Extension-Identifier"]}
            threading.Thread(
                target=lambda: urllib.request.urlopen(urllib.request.Request(f"{url}/event/next", headers=mine)),
                daemon=True,
            ).start()

        extension()

        def handler(event, context):
            return event
    """
    assert laboratory.run(source, scenario) is None
