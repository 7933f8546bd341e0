"""The process of a container: what it says when it cannot start, how it ends, and what it is on Lambda."""

from __future__ import annotations

import json
import sys
import threading

import httpx
import pytest
from deployed_function import deployed
from http_events import http_api
from no_tls import NO_TLS
from served import DEADLINE, served

from fastlambda.errors import ServeError, SettingsError
from fastlambda.serve.loading import load
from fastlambda.serve.settings import ServeSettings

APP = """
    import asyncio
    from contextlib import asynccontextmanager
    from fastapi import FastAPI
    from fastlambda import FastLambda, logger

    @asynccontextmanager
    async def lifespan(app):
        yield
        logger.info("the lifespan has ended")

    app = FastAPI(lifespan=lifespan)

    @app.get("/{seconds}")
    async def slow(seconds: float):
        logger.info("a request is in flight")
        await asyncio.sleep(seconds)
        logger.info("it goes on")
        return "done"

    handler = FastLambda(app)
"""


def in_flight(container, seconds):
    """Ask, in a thread of its own, and wait until the app has the request; return the thread and its answers."""
    answers = []

    def ask():
        try:
            answers.append(httpx.get(f"{container.url}/{seconds}", timeout=DEADLINE, verify=NO_TLS).status_code)
        except httpx.RemoteProtocolError:
            answers.append(None)

    thread = threading.Thread(target=ask)
    thread.start()
    container.log("a request is in flight")
    return thread, answers


@pytest.mark.slow
def test_requests_in_flight_end_before_the_lifespan_when_the_container_is_stopped(tmp_path):
    with served(tmp_path, APP, AWS_XRAY_DAEMON_ADDRESS="") as container:
        thread, answers = in_flight(container, 0.3)
        assert container.stop() == 0
        thread.join()
    assert answers == [200]
    messages = [line["message"] for line in container.logs]
    assert messages.index("it goes on") < messages.index("GET /0.3 200") < messages.index("the lifespan has ended")
    assert messages[-1] == "the lifespan has ended"
    assert "Only this machine can connect: in a container set FASTLAMBDA_SERVE_HOST=0.0.0.0" in messages
    assert not [line for line in container.logs if "xray_trace_id" in line], "without a daemon nothing is traced"


@pytest.mark.slow
def test_a_request_that_outlasts_the_grace_is_cancelled_and_the_lifespan_ends_all_the_same(tmp_path):
    with served(tmp_path, APP, FASTLAMBDA_SERVE_GRACE_SECONDS="0") as container:
        thread, answers = in_flight(container, 600)
        assert container.stop() == 0
        thread.join()
    assert answers in ([500], [None])
    messages = [line["message"] for line in container.logs]
    assert "it goes on" not in messages
    assert messages[-1] == "the lifespan has ended"


@pytest.mark.slow
def test_a_container_that_cannot_start_says_why_in_one_line_and_fails(tmp_path):
    source = APP.replace("/{seconds}", "/healthz")
    with served(tmp_path, source, FASTLAMBDA_SERVE_HOST="0.0.0.0") as container:  # noqa: S104 - it never listens
        assert container.wait_for_end() == 1
    ended, failure = container.logs
    assert ended["message"] == "the lifespan has ended"
    assert failure["level"] == "CRITICAL"
    assert "exception" not in failure
    assert failure["message"] == (
        "Cannot serve lambda_handler.handler: The app has a route at /healthz: it is the path of the health endpoint. "
        "Choose another path with FASTLAMBDA_SERVE_HEALTH_PATH."
    )


def test_where_there_is_a_runtime_api_the_command_is_lambdas_runtime_client(tmp_path, runtime_dir):
    def command(_):
        return [sys.executable, "-m", "fastlambda.serve", "lambda_handler.handler"]

    with deployed(tmp_path, APP, runtime_dir, {"FASTLAMBDA_SERVE_PORT": "8080"}, command=command) as function:
        invocation = function.invoke(http_api("/0"))
        assert json.loads(invocation.answer["body"]) == "done"
        assert invocation.metric("ColdStart")


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({"FASTLAMBDA_SERVE_PROT": "80"}, "Did you mean FASTLAMBDA_SERVE_PORT"),
        ({"FASTLAMBDA_SERVE_PORT": "http"}, "it must be a port from 0 to 65535"),
        ({"FASTLAMBDA_SERVE_PORT": "65536"}, "it must be a port"),
        ({"FASTLAMBDA_SERVE_HEALTH_PATH": "healthz"}, "it must be a path such as /healthz"),
        ({"FASTLAMBDA_SERVE_GRACE_SECONDS": "-1"}, "it must be a whole number of seconds"),
    ],
)
def test_a_variable_that_means_nothing_is_refused(variables, why):
    with pytest.raises(SettingsError, match=why):
        ServeSettings.from_environment(variables)


def test_a_container_listens_where_it_is_told_and_else_for_its_own_machine_only():
    assert ServeSettings.from_environment({}) == ServeSettings("127.0.0.1", 8080, "/healthz", 25)
    said = {"FASTLAMBDA_SERVE_HOST": "::", "FASTLAMBDA_SERVE_PORT": "80", "FASTLAMBDA_SERVE_GRACE_SECONDS": "110"}
    assert ServeSettings.from_environment(said) == ServeSettings("::", 80, "/healthz", 110)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("handler", "'handler' names no handler"),
        ("no_such_module.handler", "There is no module no_such_module"),
        ("json.handler", "json has no attribute handler"),
        ("json/decoder.JSONDecoder", "json.decoder has a type as JSONDecoder: only a FastLambda can be served"),
    ],
)
def test_a_name_that_leads_to_no_handler_is_refused(name, what):
    with pytest.raises(ServeError, match=what):
        load(name)
