"""Invoke: what callers send, and what they are answered."""

from __future__ import annotations

import base64
import json

import pytest
from contract_facts import fact

API = "Lambda API Reference, “Invoke”"
QUOTAS = "Lambda Developer Guide, “Lambda quotas”"
SNAPSHOTS = "LocalStack's AWS-validated snapshots"
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def echo(cloud):
    return cloud.function("echo")


@fact("Invoke", "A synchronous answer is 200 with the handler's JSON and the executed version.", API)
def test_a_synchronous_invoke_answers_200_with_the_version(cloud, echo):
    answer = cloud.invoke(echo, {"title": "Émile"})

    assert (answer.status, answer.error, answer.version) == (200, None, "$LATEST")
    assert answer.payload["event"] == {"title": "Émile"}


@fact("Invoke", "What returns nothing answers `null`.", f"{SNAPSHOTS}, `test_lambda`")
def test_none_is_null(cloud, echo):
    assert cloud.invoke(echo, "nothing").body == b"null"


@fact("Invoke", "The request id of the answer is the one that the handler sees.", API)
def test_the_request_id_is_the_handlers(cloud, echo):
    answer = cloud.invoke(echo)

    assert answer.payload["context"]["aws_request_id"] == answer.request_id


@fact("Invoke", "An Invoke without a payload gives the function `{}`.", f"{SNAPSHOTS}, `test_lambda`")
def test_no_payload_is_an_empty_object(cloud, echo):
    answer = cloud.client("lambda").invoke(FunctionName=echo)

    assert json.load(answer["Payload"])["event"] == {}


@fact("Invoke", "An event is answered at once with 202, no body and no version.", API)
def test_an_event_is_answered_202(cloud, echo):
    answer = cloud.invoke(echo, InvocationType="Event", LogType="None")

    assert (answer.status, answer.body, answer.version) == (202, b"", None)


@fact("Invoke", "A dry run is answered 204 and runs nothing.", API)
def test_a_dry_run_is_answered_204(cloud, echo):
    answer = cloud.invoke(echo, InvocationType="DryRun", LogType="None")

    assert (answer.status, answer.body) == (204, b"")


@fact("Invoke", "`LogType=Tail` brings the last 4 KB of the event's log.", API)
def test_the_tail_is_the_events_log(cloud, echo):
    answer = cloud.invoke(echo)

    assert answer.logged("START RequestId: ").startswith(f"START RequestId: {answer.request_id}")
    assert answer.logged("REPORT RequestId: ").startswith(f"REPORT RequestId: {answer.request_id}")


@fact("Invoke", "The client context reaches the handler's context.", API)
def test_the_client_context_reaches_the_handler(cloud, echo):
    context = base64.b64encode(b'{"custom": {"shelf": "7"}}').decode()

    assert cloud.invoke(echo, ClientContext=context).payload["context"]["custom"] == {"shelf": "7"}


@fact(
    "Invoke",
    "A synchronous event over 6 MB is refused: 413 `RequestTooLargeException`.",
    f"{API}; {QUOTAS}",
)
def test_a_synchronous_event_over_6_mb_is_refused(cloud, echo):
    call = cloud.client("lambda").invoke

    refusal = cloud.refusal(call, FunctionName=echo, Payload=json.dumps("x" * 6 * MIB).encode())

    assert refusal["Error"]["Code"] == "RequestTooLargeException"
    assert refusal["ResponseMetadata"]["HTTPStatusCode"] == 413


@fact("Invoke", "An asynchronous event may have 1 MB and no more.", f"{API}; {QUOTAS}")
def test_an_asynchronous_event_over_1_mb_is_refused(cloud, echo):
    call = cloud.client("lambda").invoke

    accepted = cloud.invoke(echo, "x" * (MIB - 1024), InvocationType="Event", LogType="None")
    refusal = cloud.refusal(call, FunctionName=echo, InvocationType="Event", Payload=json.dumps("x" * MIB).encode())

    assert accepted.status == 202
    assert refusal["Error"]["Code"] == "RequestTooLargeException"


@fact("Invoke", "An event that is no JSON is refused: 400 `InvalidRequestContentException`.", f"{API}; {SNAPSHOTS}")
@pytest.mark.parametrize("payload", [b"{", b'"\xff"', b"NaN"])
def test_an_event_that_is_no_json_is_refused(cloud, echo, payload):
    refusal = cloud.refusal(cloud.client("lambda").invoke, FunctionName=echo, Payload=payload)

    assert refusal["Error"]["Code"] == "InvalidRequestContentException"
    assert refusal["ResponseMetadata"]["HTTPStatusCode"] == 400


@fact("Invoke", "An unknown function is 404, `Function not found:` and its ARN with `$LATEST`.", SNAPSHOTS)
def test_an_unknown_function_is_not_found(cloud):
    name = cloud.name("nobody")

    refusal = cloud.refusal(cloud.client("lambda").invoke, FunctionName=name)

    assert refusal["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert refusal["Error"]["Message"] == f"Function not found: {cloud.arn(name)}:$LATEST"


@fact("Invoke", "An unknown qualifier is 404 with the qualifier in the ARN.", SNAPSHOTS)
def test_an_unknown_qualifier_is_not_found(cloud, echo):
    refusal = cloud.refusal(cloud.client("lambda").invoke, FunctionName=echo, Qualifier="99")

    assert refusal["Error"]["Message"] == f"Function not found: {cloud.arn(echo)}:99"


@fact("Invoke", "The function's name may be an ARN, also a partial one.", API)
def test_a_function_may_be_named_by_its_arn(cloud, echo):
    for name in (cloud.arn(echo), f"{cloud.account}:function:{echo}"):
        assert cloud.invoke(name).payload["context"]["function_name"] == echo


@fact(
    "Invoke",
    "An alias runs its version; the handler sees the version, and the alias in its ARN.",
    f"{SNAPSHOTS}; Lambda Developer Guide, “Create an alias for a Lambda function”",
)
def test_an_alias_runs_its_version_and_stays_in_the_arn(cloud):
    name = cloud.function("echo", Publish=True)
    cloud.client("lambda").create_alias(FunctionName=name, Name="live", FunctionVersion="1")

    answer = cloud.invoke(name, Qualifier="live")

    context = answer.payload["context"]
    assert (answer.version, context["function_version"]) == ("1", "1")
    assert context["invoked_function_arn"] == f"{cloud.arn(name)}:live"


@fact(
    "Invoke",
    "100 of the account's concurrency stay unreserved: PutFunctionConcurrency refuses more with "
    "`InvalidParameterValueException`.",
    "Lambda Developer Guide, “Configuring reserved concurrency for a function”",
)
def test_a_part_of_the_account_cannot_be_reserved(cloud):
    name, lambda_ = cloud.new_function("echo"), cloud.client("lambda")
    unreserved = lambda_.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]

    refusal = cloud.refusal(
        lambda_.put_function_concurrency, FunctionName=name, ReservedConcurrentExecutions=unreserved - 99
    )

    assert refusal["Error"]["Code"] == "InvalidParameterValueException"
    assert refusal["Error"]["Message"].startswith(
        "Specified ReservedConcurrentExecutions for function decreases account's "
        "UnreservedConcurrentExecution below its minimum value of ["
    )


@fact(
    "Invoke",
    "A function with no reserved concurrency is throttled: 429 `TooManyRequestsException`, “Rate Exceeded.”, "
    "and `ReservedFunctionConcurrentInvocationLimitExceeded` as its reason.",
    SNAPSHOTS,
)
def test_reserved_concurrency_of_none_throttles(cloud):
    name = cloud.new_function("echo")
    cloud.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)

    refusal = cloud.refusal(cloud.client("lambda").invoke, FunctionName=name)

    assert refusal["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert refusal["Error"]["Code"] == "TooManyRequestsException"
    assert refusal["Error"]["Message"] == "Rate Exceeded."
    assert refusal["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
