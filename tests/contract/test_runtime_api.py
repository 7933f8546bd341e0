"""The Runtime API as a runtime of one's own sees it, which asks for events while INIT imports it."""

from __future__ import annotations

import base64
import json
import time

import pytest
from contract_facts import fact

GUIDE = "Lambda Developer Guide, “Using the Lambda runtime API for custom runtimes”"
EMULATOR = "AWS's runtime interface emulator"


@pytest.fixture(scope="module")
def runtime(cloud):
    return cloud.function("custom_runtime")


@pytest.fixture
def ask(cloud, runtime):
    """Have the runtime make calls while it handles an event; return what the Runtime API said to each."""

    def made(*calls, **parameters):
        wanted = [dict(zip(("method", "path", "body"), call, strict=False)) for call in calls]
        return cloud.invoke(runtime, {"calls": wanted}, **parameters).payload

    return made


@fact("Runtime API", "`/next` brings request id, ARN, deadline and trace id in its headers.", GUIDE)
def test_next_brings_the_events_headers(cloud, runtime, ask):
    headers = ask()["headers"]

    assert headers["lambda-runtime-invoked-function-arn"] == cloud.arn(runtime)
    assert headers["lambda-runtime-trace-id"].startswith("Root=1-")
    assert 0 < int(headers["lambda-runtime-deadline-ms"]) / 1000 - time.time() + 10 <= 20
    assert len(headers["lambda-runtime-aws-request-id"]) == 36


@fact("Runtime API", "The event's content type is exactly `application/json`.", "awslambdaric, `lambda_runtime_client`")
def test_events_are_json(ask):
    assert ask()["headers"]["content-type"] == "application/json"


@fact("Runtime API", "What there is not is no header: no client context, no Cognito identity.", EMULATOR)
def test_absent_things_are_no_headers(ask):
    assert not {"lambda-runtime-client-context", "lambda-runtime-cognito-identity"} & set(ask()["headers"])


@fact("Runtime API", "The client context of Invoke is a header, decoded.", GUIDE)
def test_the_client_context_is_a_header(ask):
    context = base64.b64encode(b'{"custom":{"a":"b"}}').decode()

    headers = ask(ClientContext=context)["headers"]

    assert json.loads(headers["lambda-runtime-client-context"]) == {"custom": {"a": "b"}}


@fact("Runtime API", 'An answer is accepted: 202 and `{"status":"OK"}`.', f"{GUIDE}; {EMULATOR}")
def test_an_answer_is_accepted(ask):
    ask()

    accepted = ask()["init"]["accepted"]

    assert (accepted["status"], json.loads(accepted["body"])) == (202, {"status": "OK"})


@fact("Runtime API", "Another event's id is refused: 400 `InvalidRequestID`, “Invalid request ID”.", EMULATOR)
def test_a_wrong_id_is_refused(ask):
    (said,) = ask(("POST", "/runtime/invocation/nobody/response", "{}"))["said"]

    assert said["status"] == 400
    assert json.loads(said["body"]) == {"errorMessage": "Invalid request ID", "errorType": "InvalidRequestID"}


@fact("Runtime API", "A call that the state forbids is 403 `InvalidStateTransition`.", EMULATOR)
def test_calls_out_of_turn_are_refused(ask):
    told = ask(("POST", "/runtime/init/error", "{}"))

    for said in (told["said"][0], told["init"]["response"]):
        assert (said["status"], json.loads(said["body"])["errorType"]) == (403, "InvalidStateTransition")


@fact(
    "Runtime API",
    "An answer over 6,291,556 bytes is 413 `RequestEntityTooLarge`, "
    "and Invoke answers `Function.ResponseSizeTooLarge`.",
    EMULATOR,
)
def test_an_answer_that_is_too_large_is_413(cloud):
    runtime = cloud.new_function("custom_runtime")
    large = {"method": "POST", "path": "/runtime/invocation/{id}/response", "size": 6_291_557}

    answer = cloud.invoke(runtime, {"calls": [large]})
    (said,) = cloud.invoke(runtime, {"calls": []}).payload["before"]

    assert (answer.error, answer.payload["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")
    assert (said["status"], json.loads(said["body"])["errorType"]) == (413, "RequestEntityTooLarge")


@fact("Runtime API", "`GET /ping` answers `pong`.", EMULATOR)
def test_ping_answers_pong(ask):
    (said,) = ask(("GET", "/ping"))["said"]

    assert (said["status"], said["body"]) == (200, "pong")


@fact("Runtime API", "A runtime's error is Invoke's answer, word by word, with `Unhandled`.", GUIDE)
def test_a_runtimes_error_is_invokes_answer(cloud, runtime):
    answer = cloud.invoke(runtime, {"calls": [], "fail": True})

    assert (answer.status, answer.error) == (200, "Unhandled")
    assert answer.payload == {"errorType": "Books.Broken", "errorMessage": "a runtime's own words"}
