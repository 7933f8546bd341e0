"""What is sent with a tracing header is delivered with it: in the record of a queue, else in the trace."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest

ROOT = "1-65f0c0de-aaaaaaaaaaaaaaaaaaaaaaaa"
HEADER = f"Root={ROOT};Parent=bbbbbbbbbbbbbbbb;Sampled=0"
SYSTEM = {"AWSTraceHeader": {"DataType": "String", "StringValue": HEADER}}
TRACE = (
    'import os\n        event["trace"] = os.environ["_X_AMZN_TRACE_ID"]\n        print("EVENT " + json.dumps({"event": '
)
TRACE += 'event, "arn": "traced:function:" + os.environ["AWS_LAMBDA_FUNCTION_NAME"] + ":"}))'


@contextmanager
def with_header(client):
    """Have a client, which others share, send the header with each request, as the X-Ray SDK does."""

    def add(request, **_):
        request.headers.add_header("X-Amzn-Trace-Id", HEADER)

    client.meta.events.register("before-sign", add)
    yield client
    client.meta.events.unregister("before-sign", add)


def traced(sources, function):
    """The invocation of a function, with the tracing header that it was told."""
    return next(each["event"] for each in sources.eventually_seen(function, 2) if "trace" in each["event"])


def test_messages_of_a_queue_keep_the_header_that_each_was_sent_with_alone_or_in_a_batch(sources):
    name, live = sources.consumer()
    url, arn = sources.queue()
    sources.mapped(live, arn, BatchSize=10, MaximumBatchingWindowInSeconds=1)
    sources.client("sqs").send_message(QueueUrl=url, MessageBody="own", MessageSystemAttributes=SYSTEM)
    entries = [
        {"Id": "a", "MessageBody": "of the batch", "MessageSystemAttributes": SYSTEM},
        {"Id": "b", "MessageBody": "without"},
    ]
    sources.client("sqs").send_message_batch(QueueUrl=url, Entries=entries)

    sources.eventually_bodies(name, 3)
    records = [record for each in sources.seen(name) for record in each["event"]["Records"]]
    assert {record["body"]: record["attributes"].get("AWSTraceHeader") for record in records} == {
        "own": HEADER,
        "of the batch": HEADER,
        "without": None,
    }


def test_the_header_of_the_request_is_that_of_its_messages(sources):
    name, live = sources.consumer()
    url, arn = sources.queue()
    sources.mapped(live, arn)
    with with_header(sources.aws.client("sqs")) as sqs:
        sqs.send_message(QueueUrl=url, MessageBody="traced")
    (invocation,) = sources.eventually_seen(name)
    assert invocation["event"]["Records"][0]["attributes"]["AWSTraceHeader"] == HEADER


def test_a_message_of_a_topic_is_handled_in_the_trace_of_its_publisher(sources):
    name, live = sources.consumer(TRACE)
    topic = sources.topic(live)
    with with_header(sources.aws.client("sns")) as sns:
        sns.publish(TopicArn=topic, Message="traced")
    assert f"Root={ROOT};" in traced(sources, name)["trace"]


def test_an_event_of_a_bus_is_handled_in_the_trace_of_its_own_header(sources):
    name, live = sources.consumer(TRACE)
    events = sources.aws.client("events")
    sources.rule(live, {"source": [name]})
    events.put_events(Entries=[{"Source": name, "DetailType": "Traced", "Detail": "{}", "TraceHeader": HEADER}])
    assert f"Root={ROOT};" in traced(sources, name)["trace"]


def received(sources, function):
    """The tracing header and the body of the first message of a queue that a function has got."""
    record = sources.eventually_seen(function)[0]["event"]["Records"][0]
    return record["attributes"].get("AWSTraceHeader"), record["body"]


def test_a_message_that_a_topic_hands_to_a_queue_has_the_header_of_its_publisher(sources):
    name, live = sources.consumer()
    _, arn = sources.queue()
    sources.mapped(live, arn)
    topic = sources.topic(arn)
    with with_header(sources.aws.client("sns")) as sns:
        sns.publish(TopicArn=topic, Message="traced")
    header, body = received(sources, name)
    assert (header, json.loads(body)["Message"]) == (HEADER, "traced")


@pytest.mark.parametrize("through_a_topic", [False, True])
def test_an_event_that_a_bus_hands_to_a_queue_has_its_own_header(sources, through_a_topic):
    name, live = sources.consumer()
    _, arn = sources.queue()
    sources.mapped(live, arn)
    events = sources.aws.client("events")
    sources.rule(sources.topic(arn) if through_a_topic else arn, {"source": [name]})
    events.put_events(Entries=[{"Source": name, "DetailType": "Traced", "Detail": "{}", "TraceHeader": HEADER}])
    assert received(sources, name)[0] == HEADER


def test_a_message_that_only_looks_like_one_of_a_topic_has_no_header(sources):
    name, live = sources.consumer()
    url, arn = sources.queue()
    sources.mapped(live, arn)
    envelope = {"Type": "Notification", "MessageId": "nobody's", "TopicArn": "arn", "Message": "{"}
    sources.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(envelope))
    assert received(sources, name)[0] is None
