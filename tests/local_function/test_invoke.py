"""Invoke against real execution environments: answers, errors and limits in AWS's own shapes."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from fastlambda_cli.local.model import InvocationReported, Status, ThrottledError, ThrottleReason

ECHO = """
    def handler(event, context):
        return {"event": event, "id": context.aws_request_id, "arn": context.invoked_function_arn,
                "left": context.get_remaining_time_in_millis(),
                "client": getattr(context.client_context, "custom", None)}
"""


def test_an_event_reaches_the_handler_and_its_answer_comes_back(laboratory):
    async def scenario(lab):
        return await lab.invoke({"title": "Émile"}, client_context='{"custom": {"a": 1}}')

    result = laboratory.run(ECHO, scenario, timeout=7)

    answer = json.loads(result.payload)
    assert answer["event"] == {"title": "Émile"}
    assert answer["id"] == result.request_id
    assert answer["arn"] == "arn:aws:lambda:us-east-1:000000000000:function:books"
    assert answer["client"] == {"a": 1}
    assert 0 < answer["left"] <= 7000
    assert result.function_error is None


def test_a_client_context_of_several_lines_and_any_alphabet_reaches_the_handler(laboratory):
    context = json.dumps({"custom": {"title": "Émile ☃"}}, indent=2, ensure_ascii=False)

    result = laboratory.run(ECHO, lambda lab: lab.invoke(client_context=context), timeout=3)

    assert json.loads(result.payload)["client"] == {"title": "Émile ☃"}


def test_none_is_answered_as_null(laboratory):
    result = laboratory.run("def handler(event, context): pass", lambda lab: lab.invoke())
    assert result.payload == b"null"


def test_only_the_first_event_of_an_environment_is_cold_and_pays_for_init(laboratory):
    async def scenario(lab):
        return [(await lab.invoke()).cold for _ in range(3)]

    assert laboratory.run(ECHO, scenario) == [True, False, False]
    reports = laboratory.of(InvocationReported)
    assert [report.init_duration_ms is not None for report in reports] == [True, False, False]
    assert reports[0].billed_ms >= reports[0].init_duration_ms


def test_an_exception_is_a_function_error_with_the_runtimes_own_record(laboratory):
    async def scenario(lab):
        failed = await lab.invoke()
        return failed, await lab.invoke("again")

    failed, again = laboratory.run(
        """
        def handler(event, context):
            if event != "again":
                raise LookupError("no such book")
            return "fine"
        """,
        scenario,
    )

    record = json.loads(failed.payload)
    assert failed.function_error == "Unhandled"
    assert (record["errorType"], record["errorMessage"]) == ("LookupError", "no such book")
    assert record["requestId"] == failed.request_id
    assert "lambda_handler.py" in record["stackTrace"][0]
    assert (again.payload, again.cold) == (b'"fine"', False), "an exception does not cost the environment"


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        ("os._exit(0)", "Runtime exited without providing a reason"),
        ("os._exit(127)", "Runtime exited with error: exit status 127"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
    ],
)
def test_a_runtime_that_exits_is_an_exit_error_and_the_next_event_gets_a_new_environment(laboratory, ending, reason):
    async def scenario(lab):
        return await lab.invoke("end"), await lab.invoke("go on")

    ended, after = laboratory.run(
        f"""
        import os
        def handler(event, context):
            if event == "end":
                {ending}
            return event
        """,
        scenario,
    )

    assert json.loads(ended.payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {ended.request_id} Error: {reason}",
    }
    assert (after.payload, after.cold) == (b'"go on"', True)


def test_an_event_that_takes_too_long_is_ended_and_the_environment_replaced(laboratory):
    async def scenario(lab):
        return await lab.invoke("wait"), await lab.invoke("go on")

    late, after = laboratory.run(
        """
        import threading
        def handler(event, context):
            if event == "wait":
                threading.Event().wait()
            return event
        """,
        scenario,
        timeout=1,
    )

    assert json.loads(late.payload) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {late.request_id} Error: Task timed out after 1.00 seconds",
    }
    assert (after.payload, after.cold) == (b'"go on"', True)
    assert laboratory.of(InvocationReported)[0].status is Status.TIMEOUT


@pytest.mark.parametrize(("size", "error"), [(6_291_556 - 2, None), (6_291_556 - 1, "Function.ResponseSizeTooLarge")])
def test_an_answer_may_have_6291556_bytes_and_not_one_more(laboratory, size, error):
    result = laboratory.run("def handler(event, context): return 'x' * event", lambda lab: lab.invoke(size))

    assert (result.function_error is None) == (error is None)
    if error:
        assert json.loads(result.payload)["errorType"] == error
    else:
        assert len(result.payload) == size + 2


def test_events_at_once_run_in_environments_of_their_own_up_to_the_limit(laboratory):
    gate = """
        import os, pathlib, time
        def handler(event, context):
            folder = pathlib.Path(event)
            (folder / f"pid-{os.getpid()}").touch()
            while len(list(folder.glob("pid-*"))) < 3:  # all three must be inside at once
                time.sleep(0.005)
            return os.getpid()
    """

    async def scenario(lab):
        running = [asyncio.create_task(lab.invoke(str(lab.folder))) for _ in range(3)]
        await asyncio.sleep(0)  # all three have asked for an environment
        with pytest.raises(ThrottledError):
            await lab.invoke(str(lab.folder))
        return [json.loads(result.payload) for result in await asyncio.gather(*running)]

    pids = laboratory.run(gate, scenario, concurrency=3)
    assert len(set(pids)) == 3


def test_reserved_concurrency_throttles_with_its_own_reason(laboratory):
    async def scenario(lab):
        with pytest.raises(ThrottledError) as caught:
            await lab.invoke()
        return caught.value.reason

    assert laboratory.run(ECHO, scenario, reserved=0) is ThrottleReason.RESERVED


def test_the_log_tail_holds_the_last_4_kb_between_start_and_report(laboratory):
    chatty = "def handler(event, context): print('x' * 5000); print('last')"
    result = laboratory.run(chatty, lambda lab: lab.invoke(), log_format="Text")

    tail = result.log_tail.decode()
    assert len(result.log_tail) == 4096
    assert re.search(r"x\nlast\nEND RequestId: \S+\nREPORT RequestId: \S+\tDuration: [\d.]+ ms\t", tail)
    assert "\tInit Duration: " in tail
