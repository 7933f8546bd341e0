"""Every line that is written during an event is JSON and says which event, request and route it belongs to."""

from __future__ import annotations

import json

import pytest
from deployed_function import ARN, TRACE_ID
from http_events import function_url, http_api, load_balancer, rest_api

APP = """
    import asyncio
    import logging
    import threading
    import warnings

    from aws_lambda_powertools import Logger
    from fastlambda import FastLambda, logger
    from fastapi import APIRouter, Depends, FastAPI

    payments = Logger(service="pay")
    child = Logger(service="fastapi-books", child=True)
    app = FastAPI()

    @app.middleware("http")
    async def log_before_routing(request, call_next):
        if "early" in request.query_params:
            logging.getLogger("demo.middleware").info("before routing")
        if request.url.path == "/old-append":
            request.scope["path"] = "/append"
        return await call_next(request)
    books = APIRouter(prefix="/books")

    def dependency():
        logging.getLogger("demo.dependency").info("from a dependency")

    @books.get("/{book_id}")
    async def read(book_id: str, _: None = Depends(dependency)):
        logger.info("from the logger", book_id=book_id)
        logging.getLogger("demo.routes").info("from standard logging, %s", "formatted")
        logging.getLogger("uvicorn.error").warning("from a library")
        thread = threading.Thread(target=logging.info, args=["from a bare thread"])
        thread.start()
        thread.join()
        await asyncio.to_thread(logger.info, "from a worker thread")
        await asyncio.gather(say("first"), say("second"))

    async def say(text):
        logger.info(text)

    @app.get("/append")
    def append(user: str = ""):
        if user:
            logger.append_keys(user=user)
        logger.info("appended")

    @app.get("/loggers")
    def loggers():
        payments.info("from another service")
        child.info("from a child")
        Logger(service="app").info("from a logger that is made here")
        logging.getLogger("demo.payments").info("from a name with parts of theirs")

    @app.get("/debug")
    def debug():
        logging.getLogger("demo").debug("a debug line")
        for name in ("botocore", "urllib3", "aws_xray_sdk.core"):
            logging.getLogger(name).debug("secret value")

    api = APIRouter(prefix="/api/v1")
    api.include_router(books)
    app.include_router(api)

    logging.getLogger("demo.startup").info("while starting")
    handler = FastLambda(app)
"""

MESSAGES = (
    "from a dependency",
    "from the logger",
    "from standard logging, formatted",
    "from a library",
    "from a bare thread",
    "from a worker thread",
    "first",
    "second",
    "GET /api/v1/books/7 200",
)


def test_every_line_carries_the_keys_of_its_event(deploy):
    result = deploy(APP, POWERTOOLS_SERVICE_NAME="fastapi-books").invoke(
        http_api("/api/v1/books/7"), request_id="11111111-2222-3333-4444-555555555555"
    )
    assert [line["message"] for line in result.logs] == list(MESSAGES)
    for line in result.logs:
        assert (
            line.items()
            >= {
                "service": "fastapi-books",
                "function_name": "books",
                "function_arn": ARN,
                "function_request_id": "11111111-2222-3333-4444-555555555555",
                "correlation_id": "HttpApiRequestId=",
                "xray_trace_id": TRACE_ID,
                "route": "/api/v1/books/{book_id}",
            }.items()
        )
        assert line["cold_start"] in (True, False)
        assert "taskName" not in line, "what asyncio calls its tasks says nothing to anybody"


def test_every_line_is_written_once_and_nothing_else_is(deploy):
    result = deploy(APP).invoke(http_api("/api/v1/books/7"))
    assert len(result.lines) == len(result.logs) + len(result.metrics)
    assert len(result.logs) == len(MESSAGES)


def test_a_line_that_comes_before_routing_has_the_route_that_will_be_taken(deploy):
    result = deploy(APP).invoke(http_api("/api/v1/books/7", query="early=1"))
    assert result.log("before routing")["route"] == "/api/v1/books/{book_id}"
    assert deploy(APP).invoke(http_api("/none", query="early=1")).log("before routing")["route"] == "unmatched"


def test_a_path_that_a_middleware_rewrites_has_the_route_that_was_taken_in_the_end(deploy):
    result = deploy(APP).invoke(http_api("/old-append", query="early=1"))
    assert result.log("before routing")["route"] == "unmatched"
    assert result.log("appended")["route"] == "/append"
    assert result.log("GET /old-append 200")["route"] == "/append"


def test_lines_of_other_powertools_loggers_are_written_once(deploy):
    result = deploy(APP, POWERTOOLS_SERVICE_NAME="fastapi-books").invoke(http_api("/loggers"))
    assert [(line["service"], line["message"]) for line in result.logs] == [
        ("pay", "from another service"),
        ("fastapi-books", "from a child"),
        ("app", "from a logger that is made here"),
        ("fastapi-books", "from a name with parts of theirs"),
        ("fastapi-books", "GET /loggers 200"),
    ]
    assert result.log("from a child")["function_request_id"]


def test_the_first_event_of_an_environment_is_its_cold_start(deploy):
    function = deploy(APP, fresh=True)
    first, second = (function.invoke(http_api("/append")).log("appended") for _ in range(2))
    assert (first["cold_start"], second["cold_start"]) == (True, False)


def test_provisioned_concurrency_has_no_cold_start(deploy):
    function = deploy(APP, fresh=True, AWS_LAMBDA_INITIALIZATION_TYPE="provisioned-concurrency")
    assert function.invoke(http_api("/append")).log("appended")["cold_start"] is False


def test_keys_that_one_request_appends_are_gone_in_the_next(deploy):
    function = deploy(APP)
    assert function.invoke(http_api("/append", query="user=ada")).log("appended")["user"] == "ada"
    assert "user" not in function.invoke(http_api("/append")).log("appended")


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (http_api("/append"), "HttpApiRequestId="),
        (function_url("/append"), "function-url-request-id"),
        (rest_api("/append"), "rest-api-request-id"),
        (load_balancer("/append"), "Root=1-65f0c0de-dddddddddddddddddddddddd"),
        (load_balancer("/append", multi_value=True), "Root=1-65f0c0de-dddddddddddddddddddddddd"),
    ],
    ids=["HTTP API", "function URL", "REST API", "load balancer", "load balancer, multi-value headers"],
)
def test_the_correlation_id_is_the_gateways_request_id(deploy, event, expected):
    assert deploy(APP).invoke(event).log("appended")["correlation_id"] == expected


def test_the_access_line_says_how_the_request_ended(deploy):
    line = deploy(APP).invoke(http_api("/append", query="user=ada")).log("GET /append 200")
    assert line.items() >= {"method": "GET", "route": "/append", "path": "/append", "status": 200}.items()
    assert line["duration_ms"] >= 0


def test_the_access_line_of_a_named_stage_has_the_path_that_the_client_sent(deploy):
    line = deploy(APP).invoke(http_api("/append", stage="dev")).log("GET /dev/append 200")
    assert line["route"] == "/append"


def test_lines_of_init_are_json_without_the_keys_of_an_event(deploy):
    line = deploy(APP.replace("handler = FastLambda", "logger.info('ready')\n    handler = FastLambda")).init.log(
        "ready"
    )
    assert "function_request_id" not in line
    assert "route" not in line


def test_debug_lines_of_libraries_that_log_whole_answers_stay_out(deploy):
    result = deploy(APP, LOG_LEVEL="DEBUG").invoke(http_api("/debug"))
    messages = [line["message"] for line in result.logs]
    assert "a debug line" in messages
    assert "secret value" not in messages


def test_the_log_level_holds_for_standard_loggers_too(deploy):
    result = deploy(APP, LOG_LEVEL="WARNING").invoke(http_api("/api/v1/books/7"))
    assert [line["message"] for line in result.logs] == ["from a library"]


@pytest.mark.parametrize(("level", "messages"), [("WARN", ["from a library"]), ("FATAL", [])])
def test_lambdas_own_log_level_holds_without_another_and_warns_of_nothing(deploy, level, messages):
    function = deploy(APP, AWS_LAMBDA_LOG_FORMAT="JSON", AWS_LAMBDA_LOG_LEVEL=level)
    assert function.init.lines == []
    result = function.invoke(http_api("/api/v1/books/7"))
    assert [line["message"] for line in result.logs] == messages


def test_an_event_that_is_sampled_for_debug_lines_has_those_of_standard_loggers_too(deploy):
    result = deploy(APP, POWERTOOLS_LOGGER_SAMPLE_RATE="1").invoke(http_api("/debug"))
    messages = [line["message"] for line in result.logs]
    assert "a debug line" in messages
    assert "secret value" not in messages


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
def test_the_runtimes_own_log_handler_adds_nothing(deploy, log_format):
    result = deploy(APP, AWS_LAMBDA_LOG_FORMAT=log_format).invoke(http_api("/api/v1/books/7"))
    assert [json.loads(line).get("message") for line in result.lines if '"_aws"' not in line] == list(MESSAGES)
