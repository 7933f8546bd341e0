"""boto3 invokes a function that runs here and streams, as it would one in AWS."""

from __future__ import annotations

import asyncio
import base64
import threading

import httpx
import pytest
from no_tls import NO_TLS

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.local.model import InvokeResult, ThrottledError, ThrottleReason
from fastlambda_cli.local.streaming import ResponseStream, StreamError

NO_RETRIES = {"retries": {"total_max_attempts": 1}}
PATH = "/2021-11-15/functions/books/response-streaming-invocations"


class Connection:
    """A runtime's connection, which nobody asks to wait here."""

    def pause_reading(self):
        raise AssertionError

    resume_reading = pause_reading


class Function:
    """A function that goes through steps with its stream, remembers what it got, and then has a result or fails."""

    def __init__(self):
        self.invocations = []
        self.steps = []
        self.outcome = {}
        self.ended = threading.Event()

    async def __call__(self, invocation):
        self.invocations.append(invocation)
        try:
            for step in self.steps:
                if isinstance(step, asyncio.Event):
                    await step.wait()
                else:
                    step(invocation.stream)
            if isinstance(self.outcome, Exception):
                raise self.outcome
            return InvokeResult(**({"payload": b"", "request_id": invocation.request_id} | self.outcome))
        finally:
            self.ended.set()


def begins(stream):
    stream.open(Connection(), "text/plain", "7")
    stream.put(b"one")


@pytest.fixture
def books(aws):
    function = Function()
    aws.call(aws.aws.register, "books", function, ("live",))
    return function


@pytest.fixture(scope="module")
def lambda_(aws):
    return aws.client("lambda", **NO_RETRIES)


@pytest.fixture
def events(lambda_):
    """Invoke with a stream; return its events as they come."""

    def invoked(**parameters):
        return iter(lambda_.invoke_with_response_stream(**{"FunctionName": "books"} | parameters)["EventStream"])

    return invoked


@pytest.fixture
def gate(aws):
    """An event of the loop that the function runs in; `gate.open()` sets it."""
    event = aws.call(asyncio.Event)
    event.open = lambda: aws.call(event.set)
    return event


def test_a_chunk_comes_before_the_next_is_made(books, gate, events):
    books.steps = [begins, gate, lambda stream: stream.put(b"two"), ResponseStream.finish]
    read = events()

    first = next(read)
    gate.open()

    assert first == {"PayloadChunk": {"Payload": b"one"}}
    assert list(read) == [{"PayloadChunk": {"Payload": b"two"}}, {"InvokeComplete": {}}]


def test_the_end_comes_with_the_answers_and_with_the_functions_where_its_log_is_wanted(books, gate, events):
    books.steps, books.outcome = [begins, ResponseStream.finish, gate], {"log_tail": b"REPORT"}

    assert list(events())[-1] == {"InvokeComplete": {}}
    assert not books.ended.is_set()

    gate.open()
    (*_, end) = events(LogType="Tail")
    assert end == {"InvokeComplete": {"LogResult": base64.b64encode(b"REPORT").decode()}}


def test_an_answer_that_is_made_first_waits_for_no_extension_but_where_its_log_is_wanted(aws, gate, lambda_):
    asked = []

    async def extended(invocation):
        asked.append(invocation)
        result = InvokeResult(b'"whole"', invocation.request_id, log_tail=b"REPORT")
        if invocation.early is not None:
            await invocation.early(result)
        await gate.wait()
        return result

    def read(**parameters):
        return list(lambda_.invoke_with_response_stream(FunctionName="extended", **parameters)["EventStream"])

    aws.call(aws.aws.register, "extended", extended)

    assert read() == [{"PayloadChunk": {"Payload": b'"whole"'}}, {"InvokeComplete": {}}]
    gate.open()
    assert read(LogType="Tail")[-1] == {"InvokeComplete": {"LogResult": base64.b64encode(b"REPORT").decode()}}
    assert [invocation.early is None for invocation in asked] == [False, True]


def test_the_head_has_the_version_that_runs_and_the_request_id(books, lambda_):
    books.steps = [begins, ResponseStream.finish]

    answer = lambda_.invoke_with_response_stream(FunctionName="books", Qualifier="live")
    list(answer["EventStream"])

    assert answer["ExecutedVersion"] == "7"
    assert answer["ResponseMetadata"]["RequestId"] == books.invocations[0].request_id


def test_event_context_and_qualifier_reach_the_function(books, events):
    context = base64.b64encode(b'{"custom":{}}').decode()

    list(events(FunctionName="books:live", Payload=b'{"a":1}', ClientContext=context))

    (invocation,) = books.invocations
    assert (invocation.payload, invocation.client_context) == (b'{"a":1}', '{"custom":{}}')
    assert invocation.invoked_arn == "arn:aws:lambda:us-east-1:000000000000:function:books:live"


def test_a_whole_answer_comes_in_chunks(books, events):
    books.outcome = {"payload": bytes(range(256)) * 1000}

    *chunks, end = events()

    assert b"".join(chunk["PayloadChunk"]["Payload"] for chunk in chunks) == books.outcome["payload"]
    assert len(chunks) == 4
    assert end == {"InvokeComplete": {}}


ERROR = b'{"errorType":"Books.Gone","errorMessage":"no"}'


@pytest.mark.parametrize(
    ("steps", "outcome", "error"),
    [
        ([], {"payload": ERROR, "function_error": "Unhandled"}, ("Unhandled", ERROR.decode())),
        ([begins], {"payload": ERROR, "function_error": "Unhandled"}, ("Books.Gone", ERROR.decode())),
        ([begins, lambda stream: stream.finish(StreamError("Own.Word", "x"))], {}, ("Own.Word", "x")),
        ([begins], RuntimeError("no memory"), ("ServiceException", "The local Lambda failed: no memory")),
    ],
    ids=["before", "in the middle", "in trailers", "of the local Lambda"],
)
def test_what_goes_wrong_is_in_the_last_event(books, events, steps, outcome, error):
    books.steps, books.outcome = steps, outcome

    *chunks, end = events()

    assert len(chunks) == bool(steps)
    assert (end["InvokeComplete"]["ErrorCode"], end["InvokeComplete"]["ErrorDetails"]) == error


def test_a_throttled_function_is_429_with_the_reason(books, lambda_, events):
    books.outcome = ThrottledError(ThrottleReason.RESERVED)

    with pytest.raises(lambda_.exceptions.TooManyRequestsException) as caught:
        events()

    assert caught.value.response["Reason"] == ThrottleReason.RESERVED


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"InvocationType": "Event"}, "InvalidParameterValueException"),
        ({"LogType": "All"}, "InvalidParameterValueException"),
        ({"TenantId": "a"}, "InvalidParameterValueException"),
        ({"Payload": b"{"}, "InvalidRequestContentException"),
        ({"ClientContext": "!"}, "InvalidRequestContentException"),
        ({"Qualifier": "7"}, "ResourceNotFoundException"),
        ({"Payload": b'"%s"' % (b"x" * 6 * 1024 * 1024)}, "RequestTooLargeException"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_before_anything_runs(books, lambda_, events, parameters, error):
    with pytest.raises(getattr(lambda_.exceptions, error)):
        events(**parameters)

    assert not books.invocations


def test_a_dry_run_runs_nothing(books, lambda_):
    answer = lambda_.invoke_with_response_stream(FunctionName="books", InvocationType="DryRun")

    assert (answer["StatusCode"], list(answer["EventStream"])) == (204, [])
    assert not books.invocations


def test_who_does_not_sign_or_may_not_invoke_runs_nothing(aws, books):
    iam = aws.client("iam")
    iam.create_user(UserName="stranger")
    made = iam.create_access_key(UserName="stranger")["AccessKey"]
    stranger = aws.client("lambda", Keys(made["AccessKeyId"], made["SecretAccessKey"], None), **NO_RETRIES)

    unsigned = httpx.post(aws.aws.endpoint_url + PATH, content=b"{}", verify=NO_TLS)
    with pytest.raises(stranger.exceptions.ClientError, match="AccessDeniedException") as caught:
        stranger.invoke_with_response_stream(FunctionName="books")

    assert unsigned.status_code == 403
    assert "lambda:InvokeFunction" in str(caught.value)
    assert not books.invocations


def test_a_client_that_goes_away_in_the_middle_does_not_stop_the_function(aws, books, gate, lambda_, events):
    books.steps = [begins, gate, lambda stream: stream.put(b"two"), ResponseStream.finish]
    before = len(aws.notices)
    stream = lambda_.invoke_with_response_stream(FunctionName="books")["EventStream"]
    next(iter(stream))

    stream.close()
    gate.open()

    assert books.ended.wait(20)
    books.steps = [begins, ResponseStream.finish]
    assert list(events())  # and the one before it has been dealt with
    assert aws.notices[before:] == []
