"""An unhandled exception answers 500, is logged once and counted; with the setting it fails the invocation."""

from __future__ import annotations

import pytest
from http_events import body_of, http_api

APP = """
    import asyncio
    import os
    from fastlambda import FastLambda, logger
    from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException
    from starlette.responses import JSONResponse, StreamingResponse

    app = FastAPI()

    if os.environ.get("WITH_MIDDLEWARE"):
        @app.middleware("http")
        async def passes_through(request, call_next):
            return await call_next(request)

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

    def broken_afterwards():
        yield
        raise RuntimeError("in the clean-up")

    @app.get("/dependency")
    async def dependency(_: None = Depends(broken_afterwards)):
        return "answered"

    @app.get("/def-exit")
    def leave_thread():
        raise SystemExit("no")

    @app.get("/cancelled")
    async def cancelled():
        raise asyncio.CancelledError

    @app.get("/refused/{status}")
    async def refused(status: int):
        raise HTTPException(status)

    @app.exception_handler(LookupError)
    async def on_lookup_error(request, error):
        return JSONResponse({"missing": str(error)}, 404)

    @app.get("/handled")
    async def handled():
        raise LookupError("a book")

    kept = []

    @app.get("/leave-running")
    async def leave_running():
        kept.append(asyncio.create_task(asyncio.Event().wait(), name="report upload"))

    @app.get("/leave-generator")
    async def leave_generator():
        async def numbers():
            try:
                yield 1
                yield 2
            finally:
                await asyncio.sleep(0)
                logger.info("generator closed")
        async for number in numbers():
            return number

    handler = FastLambda(app)
"""


def errors_of(result):
    return [line for line in result.logs if line["level"] == "ERROR"]


UNHANDLED = {
    "/boom": "RuntimeError",
    "/half": "RuntimeError",
    "/exit": "SystemExit",
    "/def-exit": "SystemExit",
    "/cancelled": "CancelledError",
}


@pytest.mark.parametrize(("path", "error"), UNHANDLED.items())
def test_the_client_gets_a_500_and_the_exception_is_logged_once_with_its_traceback(deploy, path, error):
    result = deploy(APP).invoke(http_api(path))
    assert result.answer["statusCode"] == 500
    assert body_of(result.answer) == b"Internal Server Error"
    (line,) = errors_of(result)
    assert line["exception_name"] == error
    assert "lambda_handler.py" in line["exception"]
    assert line["correlation_id"] == "HttpApiRequestId="
    assert line["route"] == path
    assert result.log(f"GET {path} 500")["status"] == 500
    assert len(result.lines) == len(result.logs) + len(result.metrics)
    assert result.metric("Faults")["Faults"] == [1]


@pytest.mark.parametrize("path", ["/exit", "/def-exit"])
def test_an_exit_in_a_task_of_a_middleware_is_a_failure_like_any_other(deploy, path):
    """Asyncio stops the loop for SystemExit, and Starlette runs routes in tasks below such a middleware."""
    function = deploy(APP, WITH_MIDDLEWARE="yes")
    result = function.invoke(http_api(path))
    assert (result.answer["statusCode"], body_of(result.answer)) == (500, b"Internal Server Error")
    (line,) = errors_of(result)
    assert "SystemExit: no" in line["exception"]
    assert result.log(f"GET {path} 500")["route"] == path
    assert result.metric("Faults")["Faults"] == [1]
    assert len(result.lines) == len(result.logs) + len(result.metrics)
    assert function.invoke(http_api("/fine")).answer["statusCode"] == 200


@pytest.mark.parametrize("ending", ["pass", "await send({'type': 'http.response.start', 'status': 200})"])
def test_an_app_that_returns_without_a_complete_answer_is_a_failure_that_says_so(deploy, ending):
    source = f"""
    from fastlambda import FastLambda

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        {ending}

    handler = FastLambda(app)
    """
    result = deploy(source).invoke(http_api("/"))
    assert (result.answer["statusCode"], body_of(result.answer)) == (500, b"Internal Server Error")
    (line,) = errors_of(result)
    assert line["exception_name"] == "NoAnswerError"
    assert result.log("GET / 500")["status"] == 500


@pytest.mark.parametrize(("path", "status"), [("/refused/404", 404), ("/refused/503", 503), ("/handled", 404)])
def test_an_exception_that_the_app_handles_is_no_failure(deploy, path, status):
    result = deploy(APP, FASTLAMBDA_RAISE_ERRORS="true").invoke(http_api(path))
    assert result.answer["statusCode"] == status
    assert errors_of(result) == []


def test_the_apps_own_answer_to_any_exception_reaches_the_client_and_the_exception_the_log(deploy):
    source = APP.replace("exception_handler(LookupError)", "exception_handler(Exception)")
    result = deploy(source).invoke(http_api("/handled"))
    assert (result.answer["statusCode"], body_of(result.answer)) == (404, b'{"missing":"a book"}')
    assert len(errors_of(result)) == 1
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


@pytest.mark.parametrize(("path", "error"), [("/exit", "SystemExit"), ("/cancelled", "CancelledError")])
def test_with_the_setting_an_exit_fails_the_invocation_and_not_the_environment(deploy, path, error):
    function = deploy(APP, FASTLAMBDA_RAISE_ERRORS="true")
    result = function.invoke(http_api(path))
    assert result.error["errorType"] == "AppExitedError"
    assert error in result.error["errorMessage"]
    assert any("lambda_handler.py" in frame for frame in result.error["stackTrace"])
    assert function.invoke(http_api("/fine")).answer["statusCode"] == 200


def test_with_the_setting_a_4xx_is_still_an_answer(deploy):
    assert deploy(APP, FASTLAMBDA_RAISE_ERRORS="true").invoke(http_api("/none")).answer["statusCode"] == 404


def test_background_tasks_finish_before_the_answer_leaves(deploy):
    result = deploy(APP).invoke(http_api("/background"))
    assert body_of(result.answer) == b'"accepted"'
    assert result.log("background work done")["route"] == "/background"


@pytest.mark.parametrize("path", ["/background-boom", "/dependency"])
def test_what_fails_after_the_answer_is_a_fault_although_the_client_has_it(deploy, path):
    result = deploy(APP).invoke(http_api(path))
    assert result.answer["statusCode"] == 200
    assert len(errors_of(result)) == 1
    assert result.log(f"GET {path} 200")["status"] == 200
    assert result.metric("Faults")["Faults"] == [1]


def test_a_task_that_still_runs_at_the_end_of_its_event_is_reported_by_name_and_once(deploy):
    function = deploy(APP)
    (line,) = [line for line in function.invoke(http_api("/leave-running")).logs if line["level"] == "WARNING"]
    assert "report upload" in line["message"]
    assert line["function_request_id"]
    assert not [line for line in function.invoke(http_api("/fine")).logs if line["level"] == "WARNING"]


def test_an_async_generator_that_is_left_early_is_closed_within_its_event_and_is_no_running_task(deploy):
    result = deploy(APP).invoke(http_api("/leave-generator"))
    assert [line for line in result.logs if line["level"] == "WARNING"] == []
    assert result.log("generator closed")["function_request_id"]
