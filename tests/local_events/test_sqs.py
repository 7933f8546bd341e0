"""Messages of a queue reach a function: AWS Lambda Developer Guide, "Using Lambda with Amazon SQS"."""

from __future__ import annotations

import json
import os
import signal

import pytest
from background import eventually
from botocore.exceptions import WaiterError
from consumers import CONSUMER

from fastlambda_cli.local.model import InvocationReported, InvokeResult, Notice

FAIL_THE_BAD = (
    'return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in event["Records"] if "bad" in r["body"]]}'
)


def test_a_message_arrives_as_a_record_and_leaves_the_queue(sources):
    name, live = sources.consumer()
    url, arn = sources.queue()
    sources.mapped(live, arn)
    attributes = {"kind": {"DataType": "String", "StringValue": "novel"}}
    sources.send(url, '{"title": "Momo"}', MessageAttributes=attributes)

    [invocation] = sources.eventually_seen(name)
    [record] = invocation["event"]["Records"]
    sources.eventually_empty(url)

    assert invocation["arn"] == live
    assert {key: record[key] for key in ("body", "eventSource", "eventSourceARN", "awsRegion")} == {
        "body": '{"title": "Momo"}',
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": "us-east-1",
    }
    assert set(record) == {
        *("messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfMessageAttributes"),
        *("md5OfBody", "eventSource", "eventSourceARN", "awsRegion"),
    }
    assert set(record["attributes"]) == {
        *("ApproximateReceiveCount", "SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"),
    }
    assert record["messageAttributes"] == {
        "kind": {"dataType": "String", "stringValue": "novel", "stringListValues": [], "binaryListValues": []}
    }


def test_a_batch_gathers_more_than_ten_messages_while_its_window_is_open(sources):
    name, live = sources.consumer()
    url, arn = sources.queue()
    sources.send(url, *map(str, range(25)))
    sources.mapped(live, arn, BatchSize=25, MaximumBatchingWindowInSeconds=5)

    assert sorted(map(int, sources.eventually_bodies(name, 25))) == list(range(25))
    assert len(sources.seen(name)) == 1


@pytest.mark.slow
def test_only_the_messages_that_the_answer_names_come_again(sources):
    name, live = sources.consumer(FAIL_THE_BAD)
    url, arn = sources.queue()
    sources.send(url, "good", "bad", "better")
    sources.mapped(live, arn, BatchSize=10, again_s=1)

    bodies = sources.eventually_bodies(name, 5)

    assert sorted(bodies[:3]) == ["bad", "better", "good"]
    assert set(bodies[3:]) == {"bad"}
    told = [notice.text for notice in sources.aws.heard(Notice)]
    assert f"SQS {arn.rpartition(':')[2]}: 1 of 3 records failed and will come again" in told


def test_a_batch_on_which_the_function_fails_comes_again_whole(sources):
    name, live = sources.consumer('assert event["Records"][0]["attributes"]["ApproximateReceiveCount"] == "2"')
    url, arn = sources.queue()
    sources.send(url, "one", "two")
    sources.mapped(live, arn, again_s=1)

    assert sorted(sources.eventually_bodies(name, 4)) == ["one", "one", "two", "two"]
    sources.eventually_empty(url)


def test_an_answer_that_names_an_unknown_message_fails_the_whole_batch(sources):
    name, live = sources.consumer('return {"batchItemFailures": [{"itemIdentifier": "nobody"}]}')
    url, arn = sources.queue()
    sources.send(url, "one")
    sources.mapped(live, arn, again_s=1)

    sources.eventually_bodies(name, 2)

    assert any("failed as a whole" in notice.text for notice in sources.aws.heard(Notice))


@pytest.mark.slow
def test_a_poison_message_ends_in_the_dead_letter_queue_after_its_receives(sources):
    name, live = sources.consumer('raise ValueError("poison")')
    dead_url, dead_arn = sources.queue()
    policy = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": "2"})
    url, arn = sources.queue(RedrivePolicy=policy)
    sources.send(url, "poison")
    sources.mapped(live, arn, again_s=1)

    [message] = sources.eventually_in(dead_url)

    assert message["Body"] == "poison"
    assert sources.bodies(name) == ["poison", "poison"]


def test_a_fifo_queue_keeps_the_order_of_each_group_also_after_a_failure(sources):
    name, live = sources.consumer(
        """
        failed, broken = [], set()
        for r in event["Records"]:
            group, again = r["attributes"]["MessageGroupId"], r["attributes"]["ApproximateReceiveCount"] != "1"
            if group in broken or (r["body"] == "a2" and not again):
                broken.add(group)
                failed.append({"itemIdentifier": r["messageId"]})
        return {"batchItemFailures": failed}
    """.strip()
    )
    url, arn = sources.queue(".fifo", FifoQueue="true", ContentBasedDeduplication="true")
    for body in ("a1", "b1", "a2", "a3", "b2"):
        sources.send(url, body, MessageGroupId=body[0])
    sources.mapped(live, arn, BatchSize=10, again_s=1)

    sources.eventually_empty(url)

    bodies = sources.bodies(name)
    assert [body for body in bodies if body[0] == "b"] == ["b1", "b2"]
    assert [body for body in bodies if body[0] == "a"] == ["a1", "a2", "a3", "a2", "a3"]


def test_messages_that_no_filter_matches_are_deleted_without_the_function(sources):
    name, live = sources.consumer()
    url, arn = sources.queue()
    sources.send(url, '{"currency": "USD"}', '{"currency": "EUR"}', "no JSON")
    pattern = json.dumps({"body": {"currency": ["EUR"]}})
    sources.mapped(live, arn, FilterCriteria={"Filters": [{"Pattern": pattern}]})

    sources.eventually_empty(url)

    assert sources.bodies(name) == ['{"currency": "EUR"}']


def test_an_alias_that_moves_takes_the_next_message_with_it(sources):
    name, live = sources.consumer()
    url, arn = sources.queue()
    sources.mapped(live, arn)
    sources.send(url, "before")
    sources.eventually_seen(name)

    second = sources.aws.update(name, CONSUMER % "return 2")
    sources.aws.lambda_.update_alias(FunctionName=name, Name="live", FunctionVersion=second)
    sources.send(url, "after")

    assert [each["version"] for each in sources.eventually_seen(name, 2)] == ["1", "2"]


def test_a_deleted_mapping_leaves_the_messages_in_the_queue(sources):
    name, live = sources.consumer()
    url, arn = sources.queue()
    mapping = sources.mapped(live, arn)
    sources.send(url, "before")
    sources.eventually_empty(url)
    sources.aws.lambda_.delete_event_source_mapping(UUID=mapping)
    sources.eventually_not_polled(arn)

    sources.send(url, "after")

    assert [message["Body"] for message in sources.eventually_in(url)] == ["after"]
    assert sources.bodies(name) == ["before"]


def test_a_mapping_that_a_template_disables_delivers_nothing_until_it_is_enabled(sources):
    name, live = sources.consumer()
    url, arn = sources.queue()
    properties = {"FunctionName": live, "EventSourceArn": arn, "Enabled": False}
    mapping = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties}
    cloudformation = sources.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"Mapping": mapping}}))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 0.1})
    sources.send(url, "early")

    [listed] = sources.aws.lambda_.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    assert listed["State"] == "Disabled"
    assert sources.seen(name) == []

    sources.aws.lambda_.update_event_source_mapping(UUID=listed["UUID"], Enabled=True)
    assert sources.eventually_bodies(name, 1) == ["early"]


def test_a_stack_does_not_make_a_mapping_that_lambda_refuses(sources):
    name, live = sources.consumer(Timeout=2)
    _, arn = sources.queue(VisibilityTimeout="1")
    mapping = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"FunctionName": live, "EventSourceArn": arn}}
    cloudformation = sources.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"Mapping": mapping}}))

    with pytest.raises(WaiterError, match="ROLLBACK"):
        cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 0.1})

    reasons = [
        event.get("ResourceStatusReason", "")
        for event in cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    ]
    assert any("visibility timeout: 1 seconds is less than Function timeout: 2 seconds" in reason for reason in reasons)


@pytest.mark.slow
def test_a_handler_that_times_out_gets_its_batch_again(sources):
    does = 'time.sleep(60 if event["Records"][0]["attributes"]["ApproximateReceiveCount"] == "1" else 0)'
    name, live = sources.consumer(does, Timeout=1)
    url, arn = sources.queue(VisibilityTimeout="2")
    sources.send(url, "slow")
    sources.mapped(live, arn)

    sources.eventually_seen(name, 2)
    sources.eventually_empty(url)

    errors = [
        report.error_type for report in sources.aws.heard(InvocationReported) if arn.rpartition(":")[2] in report.source
    ]
    assert errors == ["Sandbox.Timedout", None]


def test_an_environment_that_is_killed_in_the_middle_of_a_batch_costs_no_message(sources):
    does = """
        if event["Records"][0]["attributes"]["ApproximateReceiveCount"] == "1":
            os.kill(os.getpid(), signal.SIGKILL)
    """.strip()
    name, live = sources.consumer(does)
    url, arn = sources.queue()
    sources.send(url, "one", "two")
    sources.mapped(live, arn, again_s=1)

    sources.eventually_empty(url)

    assert {"one", "two"} == set(sources.bodies(name))


def test_a_throttled_function_gets_the_batch_once_it_is_free(sources):
    name, live = sources.consumer()
    sources.aws.lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    url, arn = sources.queue()
    sources.mapped(live, arn)
    sources.send(url, "patient")
    kinds = ["ApproximateNumberOfMessagesNotVisible"]
    ask = sources.client("sqs").get_queue_attributes
    eventually(lambda: ask(QueueUrl=url, AttributeNames=kinds)["Attributes"][kinds[0]] == "1")
    sources.aws.lambda_.delete_function_concurrency(FunctionName=name)

    [invocation] = sources.eventually_seen(name)

    assert invocation["event"]["Records"][0]["attributes"]["ApproximateReceiveCount"] == "1"


def test_a_function_that_runs_from_a_folder_consumes_under_its_alias(sources):
    name, live = sources.consumer()
    got = []

    async def from_folder(invocation):
        got.append(json.loads(invocation.payload)["Records"][0]["body"])
        return InvokeResult(b"null", invocation.request_id)

    sources.aws.loop.call_soon_threadsafe(sources.aws.aws.register, name, from_folder, ["live"])
    url, arn = sources.queue()
    sources.mapped(live, arn)
    sources.send(url, "for the folder")
    sources.eventually_empty(url)

    assert got == ["for the folder"]
    assert sources.seen(name) == []


@pytest.mark.slow
def test_messages_survive_an_emulator_that_is_killed(start_sources, tmp_path):
    with start_sources() as sources:
        name, live = sources.consumer()
        url, arn = sources.queue()
        sources.send(url, "kept")
        state = tmp_path / "state" / "sqs.json"
        eventually(lambda: state.exists() and "kept" in state.read_text())
        os.kill(sources.aws.aws.emulator_pid, signal.SIGKILL)
        eventually(lambda: any(notice.text == "The AWS emulator is back" for notice in sources.aws.heard(Notice)))
        sources.mapped(live, arn)

        assert sources.eventually_bodies(name, 1) == ["kept"]
