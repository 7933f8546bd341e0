"""Invoke of a function that waits already is answered at once, by the rules and with the words of any other."""

from __future__ import annotations

import httpx
import pytest
from access_keys import Signed
from no_tls import NO_TLS

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.local.model import InvokeResult

PATH = "/2015-03-31/functions/{}/invocations"


class Waiting:
    """A function of which an environment always waits, and which remembers how it was asked."""

    def __init__(self):
        self.begun, self.invoked, self.logged = [], [], []
        self.error = None

    def begin(self, invocation, caller):
        self.begun.append(invocation)
        result = self._result(invocation)
        caller.told(result)
        caller.over(lambda: self._log(caller, result))
        return True

    def _log(self, caller, result):
        caller.logged(result)
        self.logged.append(result)

    async def invoke(self, invocation):
        self.invoked.append(invocation)
        return self._result(invocation)

    def _result(self, invocation):
        return InvokeResult(invocation.payload, invocation.request_id, self.error)


@pytest.fixture
def waiting(aws):
    function = Waiting()
    aws.call(lambda: aws.aws.register("waiting", function.invoke, ["live"], begin=function.begin))
    return function


@pytest.fixture
def post(aws):
    """Send an Invoke, signed."""

    def posted(name="waiting", *, keys=None, content=b'{"a": 1}', auth=True, **headers):
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        signed = Signed(keys or aws.aws.keys, "lambda") if auth else None
        url = f"{aws.aws.endpoint_url}{PATH.format(name)}"
        return httpx.post(url, content=content, headers=named, auth=signed, verify=NO_TLS)

    return posted


@pytest.mark.parametrize("error", [None, "Unhandled"])
def test_its_answer_is_that_of_any_other_invoke(post, waiting, error):
    waiting.error = error

    at_once, other = post(), post(x_amz_log_type="None")

    assert (len(waiting.begun), len(waiting.invoked)) == (1, 1)
    assert (at_once.status_code, at_once.content) == (other.status_code, other.content) == (200, b'{"a": 1}')
    assert at_once.headers["x-amzn-requestid"] == waiting.begun[0].request_id
    ignored = {"x-amzn-requestid", "date"}
    assert {*at_once.headers.items()} - {*other.headers.items()} <= {
        (name, at_once.headers.get(name)) for name in ignored
    }
    assert at_once.headers.keys() == other.headers.keys()


@pytest.mark.parametrize(
    ("name", "arn"),
    [
        ("waiting", "function:waiting"),
        ("waiting%3Alive", "function:waiting:live"),
        ("waiting?Qualifier=live", "function:waiting:live"),
        ("arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Awaiting", "function:waiting"),
    ],
)
def test_every_name_of_the_function_will_do(aws, waiting, name, arn):
    name, _, query = name.partition("?")
    url = f"{aws.aws.endpoint_url}{PATH.format(name)}{'?' if query else ''}{query}"

    answer = httpx.post(url, content=b"{}", auth=Signed(aws.aws.keys, "lambda"), verify=NO_TLS)

    assert answer.status_code == 200
    assert waiting.begun[0].invoked_arn == f"arn:aws:lambda:us-east-1:000000000000:{arn}"


def test_the_callers_trace_reaches_it(post, waiting):
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"

    post(x_amzn_trace_id=trace)

    assert waiting.begun[0].trace_header == trace


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"content": b"{"}, 400, "InvalidRequestContentException"),
        ({"content": b""}, 200, None),
        ({"x_amz_log_type": "Tail"}, 200, None),
        ({"x_amz_invocation_type": "Event"}, 202, None),
        ({"x_amz_invocation_type": "DryRun"}, 204, None),
        ({"x_amz_client_context": "e30="}, 200, None),
        ({"x_amz_tenant_id": "a"}, 400, "InvalidParameterValueException"),
        ({"name": "waiting%3Aother"}, 404, "ResourceNotFoundException"),
        ({"auth": False}, 403, "MissingAuthenticationTokenException"),
        ({"keys": Keys("AKIAFASTLAMBDANOBODY", "nobody's")}, 403, "UnrecognizedClientException"),
        ({"origin": "http://localhost:3000"}, 403, None),
        ({"sec_fetch_site": "same-origin"}, 200, None),
        ({"host": "evil.example"}, 403, None),
    ],
    ids=str,
)
def test_what_is_special_or_wrong_about_a_request_is_not_overlooked(post, waiting, options, status, code):
    answer = post(**options)

    assert not waiting.begun
    assert (answer.status_code, answer.headers.get("x-amzn-errortype")) == (status, code)


def test_any_other_request_finds_logged_what_was_answered(post, waiting):
    post()
    answered = [*waiting.logged]
    post(x_amz_log_type="None")
    post(name="missing")

    assert answered == []
    assert [each.request_id for each in waiting.logged] == [waiting.begun[0].request_id]
