"""What is sent with a tracing header is delivered with it: in the record of a queue, else in the trace."""

from __future__ import annotations

import json

ROOT = "1-65f0c0de-aaaaaaaaaaaaaaaaaaaaaaaa"
HEADER = f"Root={ROOT};Parent=bbbbbbbbbbbbbbbb;Sampled=0"
SYSTEM = {"AWSTraceHeader": {"DataType": "String", "StringValue": HEADER}}
TRACE = (
    'import os\n        event["trace"] = os.environ["_X_AMZN_TRACE_ID"]\n        print("EVENT " + json.dumps({"event": '
)
TRACE += 'event, "arn": "traced:function:" + os.environ["AWS_LAMBDA_FUNCTION_NAME"] + ":"}))'


def with_header(client):
    """Have a client send the header with each request, as the X-Ray SDK does."""
    client.meta.events.register(
        "before-sign", lambda request, **_: request.headers.add_header("X-Amzn-Trace-Id", HEADER)
    )
    return client


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
    with_header(sources.aws.client("sqs")).send_message(QueueUrl=url, MessageBody="traced")
    (invocation,) = sources.eventually_seen(name)
    assert invocation["event"]["Records"][0]["attributes"]["AWSTraceHeader"] == HEADER


def test_a_message_of_a_topic_is_handled_in_the_trace_of_its_publisher(sources):
    name, live = sources.consumer(TRACE)
    sns = sources.aws.client("sns")
    topic = sns.create_topic(Name=f"topic-{next(sources.names)}")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=live)
    with_header(sources.aws.client("sns")).publish(TopicArn=topic, Message="traced")
    assert f"Root={ROOT};" in traced(sources, name)["trace"]


def test_an_event_of_a_bus_is_handled_in_the_trace_of_its_own_header(sources):
    name, live = sources.consumer(TRACE)
    events = sources.aws.client("events")
    rule = f"rule-{next(sources.names)}"
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [rule]}))
    events.put_targets(Rule=rule, Targets=[{"Id": "target", "Arn": live}])
    events.put_events(Entries=[{"Source": rule, "DetailType": "Traced", "Detail": "{}", "TraceHeader": HEADER}])
    assert f"Root={ROOT};" in traced(sources, name)["trace"]
