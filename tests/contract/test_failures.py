"""What Invoke answers when a function fails, and what the function's log says of it."""

from __future__ import annotations

import pytest
from contract_facts import fact

SNAPSHOTS = "LocalStack's AWS-validated snapshots"
ERRORS = "Lambda Developer Guide, “Handle errors from a Lambda function”"
LIFECYCLE = "Lambda Developer Guide, “Understanding the Lambda execution environment lifecycle”"


@pytest.fixture(scope="module")
def failing(cloud):
    return cloud.function("failing", Timeout=1)


@fact("Failures", "An exception is 200 with `X-Amz-Function-Error: Unhandled` and the runtime's record.", ERRORS)
def test_an_exception_is_a_function_error(cloud, failing):
    answer = cloud.invoke(failing, "raise")

    assert (answer.status, answer.error, answer.version) == (200, "Unhandled", "$LATEST")
    record = answer.payload
    assert (record["errorType"], record["errorMessage"]) == ("BookError", "no such book")
    assert record["requestId"] == answer.request_id
    assert "app.py" in record["stackTrace"][0]


@fact("Failures", "The runtime's process survives an exception.", LIFECYCLE)
def test_an_exception_keeps_the_environment(cloud):
    state = cloud.function("failing", Description="an environment of its own")
    cloud.invoke(state)

    cloud.invoke(state, "raise")

    assert "Init Duration" not in cloud.invoke(state).logged("REPORT")


@fact(
    "Failures",
    "A timeout is `Sandbox.Timedout`: “RequestId: … Error: Task timed out after 1.00 seconds”.",
    f"{SNAPSHOTS}, `test_lambda_invoke_timeout`",
)
def test_a_timeout_has_its_payload(cloud, failing):
    answer = cloud.invoke(failing, "hang")

    assert (answer.status, answer.error) == (200, "Unhandled")
    assert answer.payload == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {answer.request_id} Error: Task timed out after 1.00 seconds",
    }
    assert "\tStatus: timeout" in answer.logged("REPORT")


@fact(
    "Failures",
    "A runtime that exits is `Runtime.ExitError`; with status 0 it is “Runtime exited without providing a reason”.",
    SNAPSHOTS,
)
def test_an_exit_has_its_payload(cloud, failing):
    answer = cloud.invoke(failing, "exit")

    assert answer.payload == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {answer.request_id} Error: Runtime exited without providing a reason",
    }
    assert "\tStatus: error\tError Type: Runtime.ExitError" in answer.logged("REPORT")


@fact("Failures", "Any other status is named: “Runtime exited with error: exit status 127”.", SNAPSHOTS)
def test_an_exit_status_is_named(cloud, failing):
    answer = cloud.invoke(failing, "exit 127")

    assert answer.payload["errorMessage"].endswith("Error: Runtime exited with error: exit status 127")


@fact("Failures", "So is a signal: “Runtime exited with error: signal: killed”.", "AWS's runtime interface emulator")
def test_a_signal_is_named(cloud, failing):
    answer = cloud.invoke(failing, "kill")

    assert answer.payload["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")


@fact("Failures", "An answer that is no JSON is `Runtime.MarshalError`.", "awslambdaric, `bootstrap.py`")
def test_an_answer_that_is_no_json_is_a_marshal_error(cloud, failing):
    answer = cloud.invoke(failing, "no JSON")

    assert (answer.error, answer.payload["errorType"]) == ("Unhandled", "Runtime.MarshalError")


@fact("Failures", "An answer may have 6,291,556 bytes.", f"{SNAPSHOTS}, `test_lambda_large_payloads`")
def test_the_largest_answer_arrives(cloud, failing):
    answer = cloud.invoke(failing, "most")

    assert (answer.error, len(answer.body)) == (None, 6_291_556)


@fact("Failures", "One byte more is `Function.ResponseSizeTooLarge`.", SNAPSHOTS)
def test_a_larger_answer_is_an_error(cloud, failing):
    answer = cloud.invoke(failing, "too much")

    assert (answer.status, answer.error) == (200, "Unhandled")
    assert answer.payload["errorType"] == "Function.ResponseSizeTooLarge"
    assert answer.payload["errorMessage"] == (
        "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
    )


@fact("Failures", "An exception in INIT answers with the runtime's record and an empty `requestId`.", SNAPSHOTS)
def test_an_init_that_raises_answers_its_record(cloud):
    answer = cloud.invoke(cloud.function("broken_init", Environment={"Variables": {"HOW": "raise"}}))

    assert answer.error == "Unhandled"
    assert (answer.payload["errorType"], answer.payload["errorMessage"]) == ("LookupError", "no such table")
    assert answer.payload["requestId"] == ""


@fact("Failures", "A process that exits in INIT is `Runtime.ExitError`.", SNAPSHOTS)
def test_an_init_that_exits_is_an_exit_error(cloud):
    answer = cloud.invoke(cloud.function("broken_init", Environment={"Variables": {"HOW": "exit"}}))

    assert answer.error == "Unhandled"
    assert answer.payload["errorType"] == "Runtime.ExitError"
    assert answer.payload["errorMessage"].endswith("Error: Runtime exited without providing a reason")


@fact("Failures", "A handler that is not there is `Runtime.HandlerNotFound`.", "awslambdaric, `bootstrap.py`")
def test_a_handler_that_is_not_there(cloud):
    answer = cloud.invoke(cloud.function("echo", Handler="app.nobody"))

    assert (answer.error, answer.payload["errorType"]) == ("Unhandled", "Runtime.HandlerNotFound")


@fact("Failures", "A module that is not there is `Runtime.ImportModuleError`.", "awslambdaric, `bootstrap.py`")
def test_a_module_that_is_not_there(cloud):
    answer = cloud.invoke(cloud.function("echo", Handler="nobody.handler"))

    assert (answer.error, answer.payload["errorType"]) == ("Unhandled", "Runtime.ImportModuleError")
