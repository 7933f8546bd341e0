"""Answers that leave while the function makes them, through InvokeWithResponseStream and function URLs."""

from __future__ import annotations

import base64
import json

import pytest
from contract_facts import fact

API = "Lambda API Reference, “InvokeWithResponseStream”"
MODEL = "The service model of Lambda, `InvokeWithResponseStreamCompleteEvent`"
RUNTIMES = "Lambda Developer Guide, “Building a custom runtime for AWS Lambda”"
URLS = "Lambda Developer Guide, “Invoking a response streaming enabled function using Lambda function URLs”"
EMULATOR = "AWS's runtime interface emulator, `core/directinvoke`"
BLOG = "AWS Compute Blog, “Introducing AWS Lambda response streaming”"
NODE = "AWS's runtime interface client for Node.js, `HttpResponseStream`"

PRELUDE = "application/vnd.awslambda.http-integration-response"
ERROR = {"errorType": "Books.Gone", "errorMessage": "the shelf is empty"}
TRAILERS = {
    "Lambda-Runtime-Function-Error-Type": "Books.Gone",
    "Lambda-Runtime-Function-Error-Body": base64.b64encode(json.dumps(ERROR).encode()).decode(),
}


def asking(*pieces, **more):
    """What the streaming runtime is to do."""
    return {"pieces": [base64.b64encode(piece).decode() for piece in pieces]} | more


@pytest.fixture(scope="module")
def runtime(cloud):
    return cloud.function("streaming_runtime")


@pytest.fixture
def stream(cloud, runtime):
    """Invoke with a stream of events; return the events as they come."""

    def streamed(event, function=runtime, **parameters):
        given = {"FunctionName": function, "Payload": json.dumps(event).encode()} | parameters
        return iter(cloud.client("lambda").invoke_with_response_stream(**given)["EventStream"])

    return streamed


@pytest.fixture
def whole(stream):
    """Invoke with a stream of events; return the answer, and what its end says."""

    def streamed(event, **parameters):
        *chunks, end = stream(event, **parameters)
        return b"".join(chunk["PayloadChunk"]["Payload"] for chunk in chunks), end["InvokeComplete"]

    return streamed


@pytest.fixture(scope="module")
def url(cloud, runtime):
    return cloud.url(runtime, InvokeMode="RESPONSE_STREAM")


@fact("Invoke", "InvokeWithResponseStream answers with events: chunks of the answer, then `InvokeComplete`.", API)
def test_a_function_that_does_not_stream_is_one_answer_in_events(cloud, whole):
    body, end = whole({"title": "Emma"}, function=cloud.function("echo"))

    assert json.loads(body)["event"] == {"title": "Emma"}
    assert end == {}


@fact("Invoke", "Its answer is an event stream, and names the version that ran.", API)
def test_the_head_of_a_streamed_answer(cloud):
    echo = cloud.function("echo")

    answer = cloud.client("lambda").invoke_with_response_stream(FunctionName=echo, Payload=b"{}")
    list(answer["EventStream"])

    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    assert answer["ResponseStreamContentType"] == "application/vnd.amazon.eventstream"


@fact("Invoke", "With LogType Tail the end of the log is in `InvokeComplete`.", MODEL)
def test_the_end_of_the_log_is_in_the_last_event(cloud, whole):
    _, end = whole({}, function=cloud.function("echo"), LogType="Tail")

    log = base64.b64decode(end["LogResult"]).decode()

    assert log.startswith("START RequestId: ")
    assert "\nREPORT RequestId: " in log


@fact("Invoke", "A dry run of InvokeWithResponseStream is 204, and runs nothing.", API)
def test_a_dry_run_streams_nothing(cloud, runtime):
    answer = cloud.client("lambda").invoke_with_response_stream(FunctionName=runtime, InvocationType="DryRun")

    assert answer["StatusCode"] == 204
    assert list(answer["EventStream"]) == []


@fact("Invoke", "A function that there is not is no stream: 404 `ResourceNotFoundException`.", API)
def test_there_is_no_stream_of_a_function_that_is_not_there(cloud):
    refusal = cloud.refusal(cloud.client("lambda").invoke_with_response_stream, FunctionName=cloud.name("nobody"))

    assert refusal["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert refusal["Error"]["Code"] == "ResourceNotFoundException"


@fact(
    "Invoke",
    "An error before the first chunk is `Unhandled` in `InvokeComplete`.",
    f"{MODEL}; Remotion's client for Lambda, which tells users of it so",
)
def test_an_error_of_the_function_is_in_the_last_event(cloud, whole):
    _, end = whole("raise", function=cloud.function("failing"))

    assert end["ErrorCode"] == "Unhandled"


@fact("Invoke", "Invoke of a function that streams has the whole answer.", URLS)
def test_invoke_takes_a_streamed_answer_whole(cloud, runtime):
    answer = cloud.invoke(runtime, asking(b"one ", b"two"))

    assert (answer.body, answer.error) == (b"one two", None)


@fact("Runtime API", "A runtime's chunks reach the caller before the runtime has made the next.", RUNTIMES)
def test_chunks_are_there_before_the_next_is_made(cloud, stream):
    gate, _ = cloud.queue()
    events = stream(asking(b"one", b"two", gate=gate))

    first = next(events)
    cloud.client("sqs").send_message(QueueUrl=gate, MessageBody="go on")

    assert first == {"PayloadChunk": {"Payload": b"one"}}
    assert list(events) == [{"PayloadChunk": {"Payload": b"two"}}, {"InvokeComplete": {}}]


@fact("Runtime API", "An error in trailers, in base64, is forwarded as it is; the answer succeeds.", RUNTIMES)
def test_an_error_in_trailers_is_forwarded(whole):
    body, end = whole(asking(b"one", trailers=TRAILERS), LogType="Tail")

    assert (body, end["ErrorCode"]) == (b"one", "Books.Gone")
    assert json.loads(end["ErrorDetails"]) == ERROR
    assert "Error Type" not in base64.b64decode(end["LogResult"]).decode()


@fact("Runtime API", "A timeout in the middle of an answer is `Sandbox.Timedout` in `InvokeComplete`.", EMULATOR)
def test_a_timeout_ends_the_stream(cloud, whole):
    hasty = cloud.function("streaming_runtime", Timeout=1)

    body, end = whole(asking(b"one", end="hang"), function=hasty, LogType="Tail")

    assert (body, end["ErrorCode"]) == (b"one", "Sandbox.Timedout")
    assert "Status: timeout" in base64.b64decode(end["LogResult"]).decode()


@fact("Runtime API", "A connection that ends in the middle of an answer is `Runtime.TruncatedResponse`.", EMULATOR)
def test_a_connection_that_ends_truncates_the_answer(whole):
    body, end = whole(asking(b"one", end="hang up"))

    assert (body, end["ErrorCode"]) == (b"one", "Runtime.TruncatedResponse")


@fact(
    "Runtime API",
    "A function may go on when its answer has left; nobody waits for it.",
    "AWS Compute Blog, “Running code after returning a response from an AWS Lambda function”",
)
def test_nobody_waits_for_what_comes_behind_the_answer(cloud, whole):
    gate, _ = cloud.queue()

    answer = whole(asking(b"one", gate=gate, end="linger"))
    cloud.client("sqs").send_message(QueueUrl=gate, MessageBody="go on")

    assert answer == (b"one", {})


@fact(
    "Function URL", "InvokeMode RESPONSE_STREAM: the client has what the function has sent before it sends more.", URLS
)
def test_a_url_streams(cloud, url):
    gate, _ = cloud.queue()

    with url.stream("POST", json=asking(b"one", b"two", gate=gate)) as answer:
        pieces = answer.iter_raw()
        first = next(pieces)
        cloud.client("sqs").send_message(QueueUrl=gate, MessageBody="go on")

        assert (first, list(pieces)) == (b"one", [b"two"])
        assert answer.headers["transfer-encoding"] == "chunked"


@fact("Function URL", "Status, headers and cookies come as JSON before eight zero bytes.", NODE)
def test_the_head_of_a_urls_answer_is_a_prelude(url):
    head = {"statusCode": 418, "headers": {"X-Pot": "tea"}, "cookies": ["a=1", "b=2"]}
    prelude = json.dumps(head).encode() + bytes(8)

    answer = url.send("POST", json=asking(prelude[:9], prelude[9:-2], prelude[-2:] + b"one", b"two", type=PRELUDE))

    assert (answer.status_code, answer.headers["x-pot"], answer.content) == (418, "tea", b"onetwo")
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


@fact("Function URL", "Without a prelude it is 200, and the runtime's content type.", BLOG)
def test_without_a_prelude_the_content_type_is_the_runtimes(url):
    answer = url.send("POST", json=asking(b"data: 1\n\n", type="text/event-stream"))

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")
    assert answer.content == b"data: 1\n\n"


@fact(
    "Function URL",
    "Where the runtime names none, it is `application/octet-stream`.",
    "middyjs/middy#1189, as seen on AWS",
)
def test_the_content_type_of_nothing_in_particular(url):
    answer = url.send("POST", json=asking(b"one"))

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/octet-stream")
