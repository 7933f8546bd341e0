"""An unhandled exception answers 500, is logged once and counted; with the setting it fails the invocation."""

from __future__ import annotations

import pytest
from http_events import body_of, http_api

APP = """
    import asyncio
    from fastlambda import FastLambda, logger
    from fastapi import BackgroundTasks, FastAPI
    from starlette.responses import StreamingResponse

    app = FastAPI()

    @app.get("/boom")
    async def boom():
        raise RuntimeError("boom")

    @app.get("/half")
    async def half():
        async def chunks():
            yield b"half"
            raise RuntimeError("cut")
        return StreamingResponse(chunks())

    @app.get("/exit")
    async def leave():
        raise SystemExit("no")

    @app.get("/fine")
    async def fine():
        return "fine"

    @app.get("/background")
    async def background(tasks: BackgroundTasks):
        async def work():
            await asyncio.sleep(0.01)
            logger.info("background work done")
        tasks.add_task(work)
        return "accepted"

    @app.get("/background-boom")
    async def background_boom(tasks: BackgroundTasks):
        def work():
            raise RuntimeError("in the background")
        tasks.add_task(work)
        return "accepted"

    kept = []

    @app.get("/leave-running")
    async def leave_running():
        kept.append(asyncio.create_task(asyncio.Event().wait(), name="report upload"))

    handler = FastLambda(app)
"""


def errors_of(result):
    return [line for line in result.logs if line["level"] == "ERROR"]


@pytest.mark.parametrize(
    ("path", "error"), [("/boom", "RuntimeError"), ("/half", "RuntimeError"), ("/exit", "SystemExit")]
)
def test_the_client_gets_a_500_and_the_exception_is_logged_once_with_its_traceback(deploy, path, error):
    result = deploy(APP).invoke(http_api(path))
    assert result.answer["statusCode"] == 500
    assert body_of(result.answer) == b"Internal Server Error"
    (line,) = errors_of(result)
    assert line["exception_name"] == error
    assert "lambda_handler.py" in line["exception"]
    assert line["correlation_id"] == "HttpApiRequestId="
    assert line["route"] == path
    assert len(result.lines) == len(result.logs) + len(result.metrics)
    assert result.metric("Faults")["Faults"] == [1]


def test_the_environment_goes_on_after_a_failure(deploy):
    function = deploy(APP)
    function.invoke(http_api("/boom"))
    assert body_of(function.invoke(http_api("/fine")).answer) == b'"fine"'


def test_with_the_setting_an_unhandled_exception_fails_the_invocation(deploy):
    function = deploy(APP, FASTLAMBDA_RAISE_ERRORS="true")
    result = function.invoke(http_api("/boom"))
    assert result.answer is None
    assert (result.error["errorType"], result.error["errorMessage"]) == ("RuntimeError", "boom")
    assert len(errors_of(result)) == 1
    assert result.metric("Faults")["Faults"] == [1]
    assert function.invoke(http_api("/fine")).answer["statusCode"] == 200


def test_with_the_setting_a_4xx_is_still_an_answer(deploy):
    assert deploy(APP, FASTLAMBDA_RAISE_ERRORS="true").invoke(http_api("/none")).answer["statusCode"] == 404


def test_background_tasks_finish_before_the_answer_leaves(deploy):
    result = deploy(APP).invoke(http_api("/background"))
    assert body_of(result.answer) == b'"accepted"'
    assert result.log("background work done")["route"] == "/background"


def test_a_failing_background_task_is_a_fault_although_its_client_has_an_answer(deploy):
    result = deploy(APP).invoke(http_api("/background-boom"))
    assert result.answer["statusCode"] == 200
    assert len(errors_of(result)) == 1
    assert result.metric("Faults")["Faults"] == [1]


def test_a_task_that_still_runs_at_the_end_of_its_event_is_reported_by_name_and_once(deploy):
    function = deploy(APP)
    (line,) = [line for line in function.invoke(http_api("/leave-running")).logs if line["level"] == "WARNING"]
    assert "report upload" in line["message"]
    assert line["function_request_id"]
    assert not [line for line in function.invoke(http_api("/fine")).logs if line["level"] == "WARNING"]
