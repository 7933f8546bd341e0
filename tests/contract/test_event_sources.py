"""What reaches functions from queues, topics, buses and schedules, and what becomes of it."""

from __future__ import annotations

import hashlib
import json

import pytest
from botocore.exceptions import ClientError
from contract_facts import fact

SQS = "Lambda Developer Guide, “Using Lambda with Amazon SQS”"
SQS_ERRORS = "Lambda Developer Guide, “Handling errors for an SQS event source in Lambda”"
SNS = "Lambda Developer Guide, “Invoking Lambda functions with Amazon SNS notifications”"
ASYNC = "Lambda Developer Guide, “How Lambda handles errors and retries with asynchronous invocation”"
SNAPSHOTS = "LocalStack's AWS-validated snapshots"
EVENTS = "EventBridge User Guide, “AWS service event metadata”"


@pytest.fixture
def consumer(cloud):
    return cloud.new_function("consumer", Timeout=2)  # which may not be longer than the queue's visibility timeout


@pytest.fixture
def send(cloud):
    return lambda url, body, **settings: cloud.client("sqs").send_message(QueueUrl=url, MessageBody=body, **settings)


def bodies(invocations):
    return [record["body"] for each in invocations for record in each["seen"]["Records"]]


@fact("Event sources", "A message is a record with its body, digest, attributes, queue and Region.", SQS)
def test_a_message_is_a_record(cloud, consumer, send):
    url, arn = cloud.queue()
    shelf = {"shelf": {"DataType": "String", "StringValue": "7"}}
    sent = send(url, "Momo", MessageAttributes=shelf)
    cloud.mapping(consumer, arn)

    (record,) = cloud.seen(consumer)[0]["seen"]["Records"]

    assert (record["messageId"], record["body"]) == (sent["MessageId"], "Momo")
    assert record["md5OfBody"] == hashlib.md5(b"Momo", usedforsecurity=False).hexdigest()
    assert (record["eventSource"], record["eventSourceARN"], record["awsRegion"]) == ("aws:sqs", arn, cloud.region)
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["messageAttributes"]["shelf"] == {
        "dataType": "String",
        "stringValue": "7",
        "stringListValues": [],
        "binaryListValues": [],
    }


@pytest.mark.slow
@fact("Event sources", "Only the messages that `batchItemFailures` names come again.", SQS_ERRORS)
def test_only_failed_messages_come_again(cloud, consumer, send):
    url, arn = cloud.queue(VisibilityTimeout="2")
    for body in ("good", "bad"):
        send(url, body)
    cloud.mapping(consumer, arn, BatchSize=10)

    received = bodies(cloud.seen(consumer, 3))

    assert received.count("good") == 1
    assert received.count("bad") >= 2


@pytest.mark.slow
@fact("Event sources", "An unknown id in `batchItemFailures` fails the whole batch.", f"{SQS_ERRORS}; {SNAPSHOTS}")
def test_an_unknown_id_fails_the_batch(cloud, consumer, send):
    url, arn = cloud.queue(VisibilityTimeout="2")
    send(url, "strange")
    cloud.mapping(consumer, arn)

    assert bodies(cloud.seen(consumer, 2))[:2] == ["strange", "strange"]


@pytest.mark.slow
@fact("Event sources", "A message that keeps failing ends in the queue's dead-letter queue.", SQS_ERRORS)
def test_poison_ends_in_the_dead_letter_queue(cloud, consumer, send):
    dead, dead_arn = cloud.queue()
    policy = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": "1"})
    url, arn = cloud.queue(VisibilityTimeout="2", RedrivePolicy=policy)
    send(url, "poison")
    cloud.mapping(consumer, arn)

    assert cloud.received(dead)["Body"] == "poison"


@fact(
    "Event sources", "Records of a FIFO queue add group, deduplication id and sequence number.", f"{SQS}; {SNAPSHOTS}"
)
def test_fifo_records_name_their_group(cloud, consumer, send):
    url, arn = cloud.queue(".fifo", FifoQueue="true", ContentBasedDeduplication="true")
    send(url, "Momo", MessageGroupId="novels")
    cloud.mapping(consumer, arn)

    (record,) = cloud.seen(consumer)[0]["seen"]["Records"]

    assert record["attributes"]["MessageGroupId"] == "novels"
    assert {"MessageDeduplicationId", "SequenceNumber"} <= set(record["attributes"])


@fact(
    "Event sources",
    "A message of a FIFO topic reaches a FIFO queue with its group, its deduplication id and a sequence number.",
    "SNS Developer Guide, “Message grouping for FIFO topics” and “Message deduplication for FIFO topics”",
)
def test_messages_of_a_fifo_topic_keep_their_group(cloud, consumer):
    url, arn = cloud.queue(".fifo", FifoQueue="true")
    sns = cloud.client("sns")
    topic = sns.create_topic(Name=cloud.name("topic") + ".fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    cloud.removed_later(sns.delete_topic, TopicArn=topic)
    sends = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [sends]})
    cloud.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="Momo", MessageGroupId="novels", MessageDeduplicationId="1")
    cloud.mapping(consumer, arn)

    (record,) = cloud.seen(consumer)[0]["seen"]["Records"]

    assert json.loads(record["body"])["Message"] == "Momo"
    attributes = record["attributes"]
    assert (attributes["MessageGroupId"], attributes["MessageDeduplicationId"]) == ("novels", "1")
    assert "SequenceNumber" in attributes


@fact("Event sources", "A mapping with batches of more than 10 messages and no window is refused.", SQS)
def test_a_large_batch_without_a_window_is_refused(cloud, consumer):
    _, arn = cloud.queue()

    with pytest.raises(ClientError, match="Maximum batch window in seconds must be greater than 0"):
        cloud.mapping(consumer, arn, BatchSize=11)


@fact(
    "Event sources",
    "A mapping of a queue whose visibility timeout is shorter than the function's timeout is refused.",
    SQS,
)
def test_a_short_visibility_timeout_is_refused(cloud, consumer):
    _, arn = cloud.queue(VisibilityTimeout="1")

    with pytest.raises(ClientError, match="Queue visibility timeout: 1 seconds is less than Function timeout: "):
        cloud.mapping(consumer, arn)


@fact(
    "Event sources",
    "A mapping of a queue that is not there is refused.",
    "Lambda API Reference, “CreateEventSourceMapping”; LocalStack's event source mappings, validated against AWS",
)
def test_a_mapping_of_no_queue_is_refused(cloud, consumer):
    nowhere = f"arn:aws:sqs:{cloud.region}:{cloud.account}:{cloud.name('nowhere')}"

    with pytest.raises(ClientError, match="NonExistentQueue"):
        cloud.mapping(consumer, nowhere)


@pytest.fixture
def topic(cloud, consumer):
    sns = cloud.client("sns")
    arn = sns.create_topic(Name=cloud.name("topic"))["TopicArn"]
    cloud.removed_later(sns.delete_topic, TopicArn=arn)
    permit(cloud, consumer, "sns.amazonaws.com", arn)
    sns.subscribe(TopicArn=arn, Protocol="lambda", Endpoint=cloud.arn(consumer))
    return arn


def permit(cloud, function, service, source):
    cloud.client("lambda").add_permission(
        FunctionName=function,
        StatementId=service.partition(".")[0],
        Action="lambda:InvokeFunction",
        Principal=service,
        SourceArn=source,
    )


@pytest.mark.slow
@fact("Event sources", "A notification is one record with `EventSource` `aws:sns` and the message in `Sns`.", SNS)
def test_a_notification_is_a_record(cloud, consumer, topic):
    kind = {"kind": {"DataType": "String", "StringValue": "novel"}}
    sent = cloud.client("sns").publish(TopicArn=topic, Message="Momo", MessageAttributes=kind)

    (record,) = cloud.seen(consumer)[0]["seen"]["Records"]

    assert (record["EventSource"], record["EventVersion"]) == ("aws:sns", "1.0")
    assert record["EventSubscriptionArn"].startswith(f"{topic}:")
    message = record["Sns"]
    assert (message["MessageId"], message["TopicArn"], message["Message"]) == (sent["MessageId"], topic, "Momo")
    assert (message["Subject"], message["MessageAttributes"]) == (None, {"kind": {"Type": "String", "Value": "novel"}})
    assert {"SigningCertUrl", "UnsubscribeUrl"} <= set(message), "spelt otherwise than in notifications by HTTP"


@fact("Event sources", "An event of a bus is the event itself, with `detail` as an object.", EVENTS)
def test_an_event_is_itself(cloud, consumer):
    events, name = cloud.client("events"), cloud.name("rule")
    rule = events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]
    cloud.removed_later(events.delete_rule, Name=name)
    permit(cloud, consumer, "events.amazonaws.com", rule)
    events.put_targets(Rule=name, Targets=[{"Id": "consumer", "Arn": cloud.arn(consumer)}])
    cloud.removed_later(events.remove_targets, Rule=name, Ids=["consumer"])
    entry = {"Source": name, "DetailType": "BookCreated", "Detail": '{"title": "Momo"}'}
    events.put_events(Entries=[entry])

    event = cloud.seen(consumer)[0]["seen"]

    assert set(event) == {"version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"}
    assert (event["version"], event["source"], event["detail-type"]) == ("0", name, "BookCreated")
    assert (event["detail"], event["resources"], event["account"]) == ({"title": "Momo"}, [], cloud.account)


@fact(
    "Event sources",
    "A schedule hands its `Input` over as the event.",
    "EventBridge Scheduler User Guide, “Invoke a Lambda function”",
)
def test_a_schedule_hands_its_input_over(cloud, consumer):
    cloud.fire_now(consumer, Input='{"report": "nightly"}')

    assert cloud.seen(consumer)[0]["seen"] == {"report": "nightly"}


@fact(
    "Event sources",
    "A schedule fires in its `ScheduleExpressionTimezone`.",
    "EventBridge Scheduler User Guide, “Schedule types in EventBridge Scheduler”",
)
def test_a_schedule_has_a_time_zone(cloud, consumer):
    cloud.fire_now(consumer, zone="Pacific/Kiritimati", Input='{"report": "nightly"}')

    assert cloud.seen(consumer)[0]["seen"] == {"report": "nightly"}


@fact(
    "Event sources",
    "`<aws.scheduler.scheduled-time>` and its kin in a schedule's `Input` are filled in.",
    "EventBridge Scheduler User Guide, “Adding context attributes in EventBridge Scheduler”",
)
def test_a_schedule_fills_in_its_input(cloud, consumer):
    asked = {each: f"<aws.scheduler.{each}>" for each in ("schedule-arn", "scheduled-time", "attempt-number")}

    schedule, at = cloud.fire_now(consumer, Input=json.dumps(asked))

    told = {"schedule-arn": schedule, "scheduled-time": f"{at}Z", "attempt-number": "1"}
    assert cloud.seen(consumer)[0]["seen"] == told


@fact(
    "Event sources",
    "An asynchronous event that fails is tried twice more with the same request id, then sent to the dead-letter queue "
    "with `RequestID`, `ErrorCode` and `ErrorMessage`.",
    f"{ASYNC}; {SNAPSHOTS}",
)
def test_an_event_is_tried_three_times(cloud):
    dead, dead_arn = cloud.queue()
    consumer = cloud.new_function("consumer", DeadLetterConfig={"TargetArn": dead_arn})
    cloud.invoke(consumer, {"fail": "no"}, InvocationType="Event", LogType="None")

    message = cloud.received(dead)
    tries = cloud.seen(consumer, 3)

    assert (len(tries), len({each["id"] for each in tries})) == (3, 1)
    assert json.loads(message["Body"]) == {"fail": "no"}
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes == {"RequestID": tries[0]["id"], "ErrorCode": "200", "ErrorMessage": "no"}


@fact(
    "Event sources",
    "A destination's record has the condition, the number of tries, the request and the response.",
    f"Lambda Developer Guide, “Capturing records of Lambda asynchronous invocations”; {SNAPSHOTS}",
)
def test_a_destination_gets_a_record(cloud):
    url, arn = cloud.queue()
    consumer = cloud.new_function("consumer")
    cloud.client("lambda").put_function_event_invoke_config(
        FunctionName=consumer, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    cloud.invoke(consumer, {"fail": "no"}, InvocationType="Event", LogType="None")

    record = json.loads(cloud.received(url)["Body"])

    context = record["requestContext"]
    assert (record["version"], context["functionArn"]) == ("1.0", f"{cloud.arn(consumer)}:$LATEST")
    assert (context["condition"], context["approximateInvokeCount"]) == ("RetriesExhausted", 1)
    assert record["requestPayload"] == {"fail": "no"}
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert record["responsePayload"]["errorType"] == "ValueError"
