"""boto3 invokes a function that runs here as it would one in AWS."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections import deque

import httpx
import pytest
from access_keys import Signed
from no_tls import NO_TLS

from fastlambda_cli.local.model import InvokeResult, ThrottledError, ThrottleReason

ARN = "arn:aws:lambda:us-east-1:000000000000:function:books"
NO_RETRIES = {"retries": {"total_max_attempts": 1}}


class Function:
    """A function that answers as it is told and remembers what it got."""

    def __init__(self):
        self.invocations = deque()
        self.outcomes = deque()
        self.finished = threading.Semaphore(0)

    async def __call__(self, invocation):
        self.invocations.append(invocation)
        try:
            outcome = self.outcomes.popleft() if self.outcomes else {}
            if isinstance(outcome, Exception):
                raise outcome
            return InvokeResult(**{"payload": invocation.payload, "request_id": invocation.request_id, **outcome})
        finally:
            self.finished.release()


@pytest.fixture
def books(aws):
    function = Function()
    aws.call(aws.aws.register, "books", function)
    return function


@pytest.fixture(scope="module")
def lambda_(aws):
    return aws.client("lambda", **NO_RETRIES)


@pytest.mark.usefixtures("books")
def test_the_answer_of_the_function_is_the_payload(lambda_):
    answer = lambda_.invoke(FunctionName="books", Payload=b'{"title": "Emma"}')

    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in answer
    assert json.load(answer["Payload"]) == {"title": "Emma"}


def test_the_request_id_of_the_answer_is_the_invocations(lambda_, books):
    answer = lambda_.invoke(FunctionName="books")

    assert answer["ResponseMetadata"]["RequestId"] == books.invocations[0].request_id


def test_no_payload_is_an_empty_event(lambda_, books):
    lambda_.invoke(FunctionName="books")

    assert books.invocations[0].payload == b"{}"


@pytest.mark.parametrize(
    ("name", "parameters", "invoked_arn"),
    [
        ("books", {}, ARN),
        ("books:$LATEST", {}, f"{ARN}:$LATEST"),
        ("books", {"Qualifier": "$LATEST"}, f"{ARN}:$LATEST"),
        ("function:books", {}, ARN),
        ("000000000000:function:books", {}, ARN),
        ("000000000000:function:books:$LATEST", {}, f"{ARN}:$LATEST"),
        (ARN, {}, ARN),
        (f"{ARN}:$LATEST", {"Qualifier": "$LATEST"}, f"{ARN}:$LATEST"),
    ],
)
def test_every_way_to_name_a_function_works_and_the_qualifier_reaches_it(lambda_, books, name, parameters, invoked_arn):
    lambda_.invoke(FunctionName=name, **parameters)

    assert books.invocations[0].invoked_arn == invoked_arn


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("books:7", f"{ARN}:7"),
        ("books:live", f"{ARN}:live"),
        ("arn:aws:lambda:eu-west-1:000000000000:function:books", "eu-west-1:000000000000:function:books:$LATEST"),
        ("111122223333:function:books", "111122223333:function:books:$LATEST"),
    ],
)
def test_a_version_or_place_that_does_not_exist_is_not_found(lambda_, books, name, missing):
    with pytest.raises(lambda_.exceptions.ResourceNotFoundException, match="Function not found") as caught:
        lambda_.invoke(FunctionName=name)

    assert caught.value.response["Error"]["Message"].endswith(missing)
    assert caught.value.response["Type"] == "User"
    assert not books.invocations


def test_a_function_nobody_registered_is_not_found(lambda_):
    with pytest.raises(lambda_.exceptions.ResourceNotFoundException):
        lambda_.invoke(FunctionName="films")


@pytest.mark.usefixtures("books")
def test_two_different_qualifiers_are_refused(lambda_):
    with pytest.raises(lambda_.exceptions.InvalidParameterValueException, match="does not match"):
        lambda_.invoke(FunctionName="books:$LATEST", Qualifier="live")


def test_a_failing_function_answers_200_with_its_error(lambda_, books):
    error = {"errorType": "ValueError", "errorMessage": "no"}
    books.outcomes.append({"payload": json.dumps(error).encode(), "function_error": "Unhandled"})

    answer = lambda_.invoke(FunctionName="books")

    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert json.load(answer["Payload"]) == error


def test_the_last_four_kilobytes_of_the_log_come_when_asked_for(lambda_, books):
    books.outcomes.append({"log_tail": b"x" * 5000 + b"END"})

    answer = lambda_.invoke(FunctionName="books", LogType="Tail")

    log = base64.b64decode(answer["LogResult"])
    assert len(log) == 4096
    assert log.endswith(b"END")


def test_the_log_does_not_come_unasked(lambda_, books):
    books.outcomes.append({"log_tail": b"START"})

    assert "LogResult" not in lambda_.invoke(FunctionName="books")


def test_the_client_context_reaches_the_function_decoded(lambda_, books):
    context = {"custom": {"shelf": "fiction"}}

    lambda_.invoke(FunctionName="books", ClientContext=base64.b64encode(json.dumps(context).encode()).decode())

    assert json.loads(books.invocations[0].client_context) == context


@pytest.mark.usefixtures("books")
@pytest.mark.parametrize("context", ["no base64!", base64.b64encode(b"no json").decode()])
def test_a_client_context_that_is_none_is_refused(lambda_, context):
    with pytest.raises(lambda_.exceptions.InvalidRequestContentException, match="Client context"):
        lambda_.invoke(FunctionName="books", ClientContext=context)


@pytest.mark.parametrize("payload", [b"{", b"{'a': 1}", b'"\xff"', b"NaN", b"[" * 100_000])
def test_a_payload_that_is_not_json_is_refused(lambda_, books, payload):
    with pytest.raises(lambda_.exceptions.InvalidRequestContentException, match="Could not parse request body"):
        lambda_.invoke(FunctionName="books", Payload=payload)

    assert not books.invocations


@pytest.mark.parametrize("payload", [b"1", b'"text"', b"null", b"[1.5]", b" {} \n", b"1" * 5000])
def test_any_json_value_is_an_event(lambda_, books, payload):
    lambda_.invoke(FunctionName="books", Payload=payload)

    assert books.invocations[0].payload == payload


def json_of(size):
    return b'"' + b"x" * (size - 2) + b'"'


@pytest.mark.parametrize(("kind", "limit"), [("RequestResponse", 6 * 1024 * 1024), ("Event", 1024 * 1024)])
def test_a_payload_over_the_limit_is_refused_and_one_at_the_limit_is_not(lambda_, books, kind, limit):
    lambda_.invoke(FunctionName="books", InvocationType=kind, Payload=json_of(limit))
    assert books.finished.acquire(timeout=20)

    with pytest.raises(lambda_.exceptions.RequestTooLargeException, match=f"{limit + 1} byte payload") as caught:
        lambda_.invoke(FunctionName="books", InvocationType=kind, Payload=json_of(limit + 1))

    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert len(books.invocations) == 1


@pytest.mark.parametrize("reason", list(ThrottleReason))
def test_a_throttled_function_answers_429_with_the_reason(lambda_, books, reason):
    books.outcomes.append(ThrottledError(reason))

    with pytest.raises(lambda_.exceptions.TooManyRequestsException, match="Rate Exceeded") as caught:
        lambda_.invoke(FunctionName="books")

    assert caught.value.response["Reason"] == reason
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429


def test_a_failure_of_the_local_lambda_is_a_service_exception_and_is_told(aws, lambda_, books):
    books.outcomes.append(RuntimeError("no more file descriptors"))

    with pytest.raises(lambda_.exceptions.ServiceException, match="no more file descriptors"):
        lambda_.invoke(FunctionName="books")

    assert any("no more file descriptors" in notice.text for notice in aws.notices)


def test_dry_run_checks_and_does_not_run(lambda_, books):
    answer = lambda_.invoke(FunctionName="books", InvocationType="DryRun")

    assert answer["StatusCode"] == 204
    assert not books.invocations


def test_an_event_is_accepted_with_its_request_id_and_runs(lambda_, books):
    answer = lambda_.invoke(FunctionName="books", InvocationType="Event", Payload=b'{"n": 1}')

    assert answer["StatusCode"] == 202
    assert answer["Payload"].read() == b""
    assert books.finished.acquire(timeout=20)
    assert books.invocations[0].payload == b'{"n": 1}'
    assert books.invocations[0].request_id == answer["ResponseMetadata"]["RequestId"]


def test_the_deprecated_invoke_async_accepts_an_event_too(lambda_, books):
    answer = lambda_.invoke_async(FunctionName="books", InvokeArgs=b'{"n": 2}')

    assert answer["Status"] == 202
    assert books.finished.acquire(timeout=20)
    assert books.invocations[0].payload == b'{"n": 2}'


def test_an_event_on_which_the_function_fails_is_tried_twice_more_under_the_same_request_id(
    aws, lambda_, books, eventually
):
    books.outcomes.extend([{"function_error": "Unhandled"}] * 3)

    answer = lambda_.invoke(FunctionName="books", InvocationType="Event")

    request_id = answer["ResponseMetadata"]["RequestId"]
    eventually(lambda: any(request_id in notice.text and "3 times" in notice.text for notice in aws.notices))
    assert [invocation.request_id for invocation in books.invocations] == [request_id] * 3


def test_an_event_waits_while_the_function_is_throttled(lambda_, books, eventually):
    books.outcomes.extend([ThrottledError(), ThrottledError(), {}])

    lambda_.invoke(FunctionName="books", InvocationType="Event")

    eventually(lambda: len(books.invocations) == 3)
    assert len({invocation.request_id for invocation in books.invocations}) == 1


@pytest.mark.usefixtures("books")
def test_an_invocation_type_that_does_not_exist_is_refused(aws):
    url, headers = f"{aws.aws.endpoint_url}/2015-03-31/functions/books/invocations", {"X-Amz-Invocation-Type": "Maybe"}

    answer = httpx.post(url, content=b"{}", headers=headers, auth=Signed(aws.aws.keys, "lambda"), verify=NO_TLS)

    assert (answer.status_code, answer.headers["x-amzn-ErrorType"]) == (400, "InvalidParameterValueException")
    assert "DryRun, Event, RequestResponse" in answer.text


def test_invocations_run_at_the_same_time(aws, lambda_):
    async def register():
        both = asyncio.Barrier(2)

        async def meet(invocation):
            await both.wait()
            return InvokeResult(payload=b"{}", request_id=invocation.request_id)

        aws.aws.register("meet", meet)

    aws.run(register())
    second = threading.Thread(target=lambda_.invoke, kwargs={"FunctionName": "meet"})
    second.start()

    assert lambda_.invoke(FunctionName="meet")["StatusCode"] == 200
    second.join()
