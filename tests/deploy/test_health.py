"""What Lambda answers when a version is asked: a small HTTP server says what Lambda says."""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import threading

import pytest
from access_keys import NOBODYS

from fastlambda_cli.aws.session import connect
from fastlambda_cli.deploy.health import LiveHealthCheck
from fastlambda_cli.errors import AwsError, AwsUnreachableError, HealthCheckError, ThrottledByAwsError

HEALTHY = (200, {}, {"statusCode": 204})
THROTTLED = (429, {"x-amzn-errortype": "TooManyRequestsException"}, {"message": "Rate Exceeded."})
NOT_READY = (409, {"x-amzn-errortype": "ResourceConflictException"}, {"message": "The function is Pending."})
DENIED = (403, {"x-amzn-errortype": "AccessDeniedException"}, {"Message": "not authorized to perform: lambda:Invoke"})
START_S = 0.2
READY_S = 0.1


def logged(*lines):
    """An answer of 500 and what Invoke gives of the log with it."""
    tail = base64.b64encode("\n".join(lines).encode()).decode()
    return 200, {"x-amz-log-result": tail}, {"statusCode": 500, "body": "Internal Server Error"}


POWERTOOLS = {"level": "ERROR", "message": "Unhandled", "exception": "Traceback ...\nRuntimeError: db gone"}
LAMBDA = {"level": "ERROR", "errorType": "KeyError", "errorMessage": "'DSN'", "stackTrace": []}


class Lambda(http.server.ThreadingHTTPServer):
    """A function whose versions are in the states told, and answer in the order told; None is no answer at all."""

    def __init__(self, answers, states):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.states = list(answers), list(states)
        self.asked = 0
        self.ended = threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    server: Lambda

    def do_GET(self):
        state = self.server.states.pop(0) if self.server.states else "Active"
        self.answer(200, {}, {"State": state, "StateReason": "It says so.", "Timeout": 0})

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.server.asked += 1
        answer = self.server.answers.pop(0)
        if answer is None:
            self.server.ended.wait()
            self.close_connection = True
        else:
            self.answer(*answer)

    def answer(self, status, headers, body):
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def lambda_that(*answers, states=()):
    with Lambda(answers, states) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.ended.set()
            server.shutdown()
            thread.join()


def ask(server):
    """Ask version 2; return the seconds that were waited in between."""
    waits = []
    with connect(endpoint_url=f"http://127.0.0.1:{server.server_port}", keys=NOBODYS) as aws:
        LiveHealthCheck(aws, waits.append, start=START_S, ready=READY_S).version("shop", "2", "/")
    return waits


def test_a_version_that_answers_is_asked_once():
    with lambda_that(HEALTHY) as server:
        assert (ask(server), server.asked) == ([], 1)


def test_a_version_that_does_not_answer_in_its_time_is_not_asked_again():
    with lambda_that(None, HEALTHY) as server:
        with pytest.raises(AwsUnreachableError, match="invoke version 2"):
            ask(server)
        assert server.asked == 1


def test_a_version_without_room_to_run_is_asked_again_until_it_answers():
    with lambda_that(THROTTLED, THROTTLED, HEALTHY) as server:
        assert ask(server) == [1.0, 2.0]


def test_a_version_that_never_gets_room_is_not_called_unhealthy():
    with lambda_that(*[THROTTLED] * 6) as server, pytest.raises(ThrottledByAwsError) as failure:
        ask(server)
    assert "Rate Exceeded" in failure.value.why
    assert "says nothing of the version" in failure.value.remedy


def test_a_version_that_is_not_ready_is_asked_again():
    with lambda_that(NOT_READY, HEALTHY) as server:
        assert ask(server) == [1.0]


def test_a_version_that_never_gets_ready_is_told_in_lambdas_words():
    with lambda_that(*[NOT_READY] * 6) as server, pytest.raises(AwsError, match="The function is Pending"):
        ask(server)


def test_a_version_that_lambda_is_making_ready_is_waited_for():
    with lambda_that(HEALTHY, states=["Pending", "Pending"]) as server:
        assert len(ask(server)) == 2


def test_a_version_that_lambda_does_not_make_ready_is_not_waited_for_for_ever():
    with lambda_that(states=["Pending"] * 100) as server:
        with pytest.raises(HealthCheckError, match="does not become active: it is still Pending after"):
            ask(server)
        assert server.asked == 0


def test_a_version_that_lambda_cannot_start_is_unhealthy_and_is_not_asked():
    with lambda_that(states=["Failed"]) as server:
        with pytest.raises(HealthCheckError, match="cannot be started: It says so"):
            ask(server)
        assert server.asked == 0


def test_who_may_not_invoke_it_is_told_so_at_once():
    with lambda_that(DENIED) as server:
        with pytest.raises(AwsError, match="invoke version 2"):
            ask(server)
        assert server.asked == 1


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        pytest.param(
            [json.dumps(POWERTOOLS)], "its status is 500: RuntimeError: db gone", id="an exception's own line"
        ),
        pytest.param([json.dumps(LAMBDA)], "its status is 500: KeyError: 'DSN'", id="as Lambda's runtime logs it"),
        pytest.param(
            [json.dumps({"level": "error", "message": "no DSN"})], "its status is 500: no DSN", id="an error's message"
        ),
        pytest.param(
            ['cut off"}', json.dumps(LAMBDA), json.dumps({"level": "INFO", "message": "bye"}), "REPORT RequestId: 1"],
            "its status is 500: KeyError: 'DSN'",
            id="among lines that are none",
        ),
        pytest.param(
            [f"x{json.dumps(POWERTOOLS | {'exception_name': 'RuntimeError'})[40:]}", json.dumps({"level": "INFO"})],
            "its status is 500: RuntimeError: db gone",
            id="a traceback whose beginning is cut off",
        ),
        pytest.param(["[1, 2]", json.dumps({"level": "INFO", "message": "hello"})], "its status is 500", id="no error"),
    ],
)
def test_why_a_version_answers_with_500_is_read_off_the_end_of_its_log(lines, why):
    with lambda_that(logged(*lines)) as server, pytest.raises(HealthCheckError) as failure:
        ask(server)
    assert failure.value.why == why
