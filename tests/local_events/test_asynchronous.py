"""SNS, EventBridge and Scheduler hand events over and wait for nobody: Lambda tries again, and records the end."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from background import eventually
from botocore.exceptions import ClientError

from fastlambda_cli.local.model import InvocationReported, Notice

FAIL = 'raise ValueError("no")'


def test_a_message_of_a_topic_reaches_each_subscriber_under_its_alias(sources):
    (first, first_live), (second, second_live) = sources.consumer(), sources.consumer()
    arn = sources.topic(first_live, second_live)
    attributes = {"currency": {"DataType": "String", "StringValue": "EUR"}}
    message_id = sources.client("sns").publish(TopicArn=arn, Message="12.50", MessageAttributes=attributes)["MessageId"]

    [invocation] = sources.eventually_seen(first)
    [record] = invocation["event"]["Records"]
    notification = record["Sns"]

    assert [each["arn"] for each in sources.eventually_seen(second)] == [second_live]
    assert invocation["arn"] == first_live
    assert (record["EventSource"], record["EventVersion"]) == ("aws:sns", "1.0")
    assert record["EventSubscriptionArn"].startswith(f"{arn}:")
    assert notification["MessageAttributes"] == {"currency": {"Type": "String", "Value": "EUR"}}
    assert set(notification) == {
        *("Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion", "Signature"),
        *("SigningCertUrl", "UnsubscribeUrl", "MessageAttributes"),
    }
    assert (notification["MessageId"], notification["Message"], notification["Subject"]) == (message_id, "12.50", None)


def test_only_messages_that_the_filter_policy_wants_arrive(sources):
    name, live = sources.consumer()
    arn = sources.topic(live, FilterPolicy='{"currency": ["EUR"]}')
    for currency in ("USD", "EUR"):
        attributes = {"currency": {"DataType": "String", "StringValue": currency}}
        sources.client("sns").publish(TopicArn=arn, Message=currency, MessageAttributes=attributes)

    [invocation] = sources.eventually_seen(name)

    assert invocation["event"]["Records"][0]["Sns"]["Message"] == "EUR"


def test_a_function_that_fails_on_a_message_gets_it_twice_more_with_the_same_request_id(sources):
    name, live = sources.consumer(FAIL)
    arn = sources.topic(live)
    sources.client("sns").publish(TopicArn=arn, Message="once")

    invocations = sources.eventually_seen(name, 3)

    assert len({each["id"] for each in invocations}) == 1
    assert len({json.dumps(each["event"]) for each in invocations}) == 1


def test_a_message_for_a_function_that_is_gone_goes_to_the_subscriptions_dead_letter_queue(sources):
    name, live = sources.consumer()
    dead_url, dead_arn = sources.queue()
    arn = sources.topic(live, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead_arn}))
    sources.let("sns.amazonaws.com", arn, dead_arn)
    sources.aws.lambda_.delete_function(FunctionName=name)
    sources.client("sns").publish(TopicArn=arn, Message="too late")

    [message] = sources.eventually_in(dead_url)

    assert json.loads(message["Body"])["Message"] == "too late"


def test_an_event_reaches_the_target_of_the_rule_that_it_matches(sources):
    name, live = sources.consumer()
    sources.rule(live, {"source": ["shop"], "detail": {"price": [{"numeric": [">", 10]}]}})
    entries = [{"Source": "shop", "DetailType": "Priced", "Detail": json.dumps({"price": price})} for price in (5, 15)]
    sources.client("events").put_events(Entries=entries)

    [invocation] = sources.eventually_seen(name)
    event = invocation["event"]

    assert invocation["arn"] == live
    assert (event["source"], event["detail-type"], event["detail"]) == ("shop", "Priced", {"price": 15})
    assert set(event) == {
        *("version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail")
    }


def test_a_rule_can_send_other_input_than_the_event(sources):
    name, live = sources.consumer()
    transformer = {"InputPathsMap": {"what": "$.detail.title"}, "InputTemplate": '{"imported": <what>}'}
    sources.rule(live, {"source": ["library"]}, InputTransformer=transformer)
    entry = {"Source": "library", "DetailType": "BookCreated", "Detail": '{"title": "Momo"}'}
    sources.client("events").put_events(Entries=[entry])

    [invocation] = sources.eventually_seen(name)

    assert invocation["event"] == {"imported": "Momo"}


def test_a_schedule_fires_its_target_once(sources):
    name, live = sources.consumer()
    role = sources.aws.role(("lambda:InvokeFunction", live), service="scheduler.amazonaws.com")
    sources.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=f"at({datetime.now(UTC):%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={"Arn": live, "RoleArn": role, "Input": '{"report": "nightly"}'},
    )

    [invocation] = sources.eventually_seen(name)
    eventually(lambda: not sources.client("scheduler").list_schedules()["Schedules"])

    assert (invocation["arn"], invocation["event"]) == (live, {"report": "nightly"})


def test_a_schedule_fills_in_what_its_input_asks_of_it(sources):
    name, live = sources.consumer()
    role = sources.aws.role(("lambda:InvokeFunction", live), service="scheduler.amazonaws.com")
    asked = {key: f"<aws.scheduler.{key}>" for key in ("schedule-arn", "scheduled-time", "attempt-number", "other")}
    at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    schedule = sources.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=f"at({at})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": live, "RoleArn": role, "Input": json.dumps({**asked, "id": "run <aws.scheduler.execution-id>"})},
    )["ScheduleArn"]

    [invocation] = sources.eventually_seen(name)

    event = invocation["event"]
    assert re.fullmatch("run [0-9a-f]{16}", event.pop("id"))
    assert event == {
        "schedule-arn": schedule,
        "scheduled-time": f"{at}Z",
        "attempt-number": "1",
        "other": "<aws.scheduler.other>",
    }


def test_a_schedule_of_a_stack_fires_in_its_time_zone(sources):
    url, queue = sources.queue()
    name, far = queue.rpartition(":")[2], "Pacific/Kiritimati"
    role = sources.aws.role(("sqs:SendMessage", queue), service="scheduler.amazonaws.com")
    now = datetime.now(UTC)
    schedule = {
        "Name": name,
        "ScheduleExpression": f"at({now.astimezone(ZoneInfo(far)):%Y-%m-%dT%H:%M:%S})",
        "ScheduleExpressionTimezone": far,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": queue, "RoleArn": role, "Input": '"<aws.scheduler.scheduled-time>"'},
    }
    formation = sources.client("cloudformation")

    def template():
        return json.dumps({"Resources": {"Schedule": {"Type": "AWS::Scheduler::Schedule", "Properties": schedule}}})

    formation.create_stack(StackName=name, TemplateBody=template())

    (message,) = sources.eventually_in(url)
    assert json.loads(message["Body"]) == f"{now:%Y-%m-%dT%H:%M:%SZ}"

    get = sources.client("scheduler").get_schedule
    assert get(Name=name)["ScheduleExpressionTimezone"] == far
    schedule["ScheduleExpressionTimezone"] = "Europe/Berlin"
    formation.update_stack(StackName=name, TemplateBody=template())
    assert eventually(lambda: get(Name=name)["ScheduleExpressionTimezone"] == "Europe/Berlin")


def test_an_event_that_failed_for_good_goes_to_the_dead_letter_queue_as_it_was(sources):
    dead_url, dead_arn = sources.queue()
    name, live = sources.consumer(FAIL, DeadLetterConfig={"TargetArn": dead_arn})
    sources.aws.lambda_.invoke(FunctionName=live, InvocationType="Event", Payload='{"book": "Momo"}')

    [message] = sources.eventually_in(dead_url)

    assert json.loads(message["Body"]) == {"book": "Momo"}
    attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert attributes == {"RequestID": sources.seen(name)[0]["id"], "ErrorCode": "200", "ErrorMessage": "no"}
    assert len(sources.seen(name)) == 3


def test_a_failure_is_recorded_at_the_destination_after_as_many_retries_as_the_alias_allows(sources):
    url, arn = sources.queue()
    name, live = sources.consumer(FAIL)
    sources.aws.lambda_.put_function_event_invoke_config(
        FunctionName=name,
        Qualifier="live",
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": arn}},
    )
    sources.aws.lambda_.invoke(FunctionName=live, InvocationType="Event", Payload='{"book": "Momo"}')

    [message] = sources.eventually_in(url)
    record = json.loads(message["Body"])

    assert record["version"] == "1.0"
    assert record["requestContext"] == {
        "requestId": sources.seen(name)[0]["id"],
        "functionArn": live,
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 2,
    }
    assert record["requestPayload"] == {"book": "Momo"}
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "1", "functionError": "Unhandled"}
    assert record["responsePayload"]["errorType"] == "ValueError"


def test_a_success_is_recorded_at_another_function(sources):
    after, after_live = sources.consumer()
    name, live = sources.consumer('return {"imported": 1}')
    sources.aws.lambda_.put_function_event_invoke_config(
        FunctionName=name, Qualifier="live", DestinationConfig={"OnSuccess": {"Destination": after_live}}
    )
    sources.aws.lambda_.invoke(FunctionName=live, InvocationType="Event", Payload='{"book": "Momo"}')

    [invocation] = sources.eventually_seen(after)

    assert invocation["event"]["requestContext"]["condition"] == "Success"
    assert invocation["event"]["responsePayload"] == {"imported": 1}


def test_a_success_is_recorded_on_a_bus_and_at_a_topic(sources):
    after, after_live = sources.consumer()
    sources.rule(after_live, {"detail-type": ["Lambda Function Invocation Result - Success"]})
    for destination in ("arn:aws:events:us-east-1:000000000000:event-bus/default", sources.topic(after_live)):
        name, live = sources.consumer('return {"imported": 1}')
        sources.aws.lambda_.put_function_event_invoke_config(
            FunctionName=name, Qualifier="live", DestinationConfig={"OnSuccess": {"Destination": destination}}
        )
        sources.aws.lambda_.invoke(FunctionName=live, InvocationType="Event", Payload="{}")

    events = [each["event"] for each in sources.eventually_seen(after, 2)]

    [on_bus] = [event for event in events if event.get("source") == "lambda"]
    [at_topic] = [json.loads(event["Records"][0]["Sns"]["Message"]) for event in events if "Records" in event]
    assert on_bus["detail"]["responsePayload"] == at_topic["responsePayload"] == {"imported": 1}


def test_events_of_a_function_that_may_not_run_are_recorded_at_once(sources):
    url, arn = sources.queue()
    name, live = sources.consumer()
    sources.aws.lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    sources.aws.lambda_.put_function_event_invoke_config(
        FunctionName=name, Qualifier="live", DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    sources.aws.lambda_.invoke(FunctionName=live, InvocationType="Event", Payload="{}")

    [message] = sources.eventually_in(url)
    context = json.loads(message["Body"])["requestContext"]

    assert (context["condition"], context["approximateInvokeCount"]) == ("ZeroReservedConcurrency", 0)
    assert sources.seen(name) == []


def test_the_log_names_who_sent_an_event(sources):
    name, live = sources.consumer()
    arn = sources.topic(live)
    sources.client("sns").publish(TopicArn=arn, Message="hello")
    sources.rule(live, {"source": ["names"]})
    sources.client("events").put_events(Entries=[{"Source": "names", "DetailType": "BookCreated", "Detail": "{}"}])
    url, queue = sources.queue()
    sources.mapped(live, queue)
    sources.send(url, "hello")
    sources.aws.invoke(name, {"Records": "by hand"}, Qualifier="live")

    requests = {each["id"] for each in sources.eventually_seen(name, 4)}
    reports = eventually(lambda: reported if len(reported := of_requests(sources, requests)) == 4 else None)

    assert {report.source for report in reports} == {
        f"sns {arn.rpartition(':')[2]}",
        "event BookCreated",
        f"sqs {queue.rpartition(':')[2]} 1 record",
        "invoke",
    }


def of_requests(sources, requests):
    return [report for report in sources.aws.heard(InvocationReported) if report.request_id in requests]


# Who may bring something, and where it goes otherwise


def refusals(sources, target):
    """What was told of things that a target does not take."""
    return [each.text for each in sources.aws.heard(Notice) if f"{target} got nothing from" in each.text]


def test_what_a_topic_may_not_bring_goes_to_the_subscriptions_dead_letter_queue(sources):
    name, live = sources.consumer()
    dead_url, dead = sources.queue()
    _, other = sources.queue()
    redrive = json.dumps({"deadLetterTargetArn": dead})
    arn = sources.topic(live, other, allowed=False, RedrivePolicy=redrive)
    sources.let("sns.amazonaws.com", arn, dead)

    sources.client("sns").publish(TopicArn=arn, Message="unwanted")

    assert [json.loads(each["Body"])["Message"] for each in sources.eventually_in(dead_url, 2)] == ["unwanted"] * 2
    assert sources.seen(name) == []
    assert [len(eventually(lambda target=target: refusals(sources, target))) for target in (live, other)] == [1, 1]


def test_what_a_rule_may_not_bring_goes_to_the_targets_dead_letter_queue(sources):
    name, live = sources.consumer()
    dead_url, dead = sources.queue()
    arn = sources.rule(live, {"source": [name]}, allowed=False, DeadLetterConfig={"Arn": dead})
    sources.let("events.amazonaws.com", arn, dead)

    sources.client("events").put_events(Entries=[{"Source": name, "DetailType": "Sold", "Detail": '{"title": "Momo"}'}])

    [message] = sources.eventually_in(dead_url)
    attributes = attributes_of(message)
    assert json.loads(message["Body"])["detail"] == {"title": "Momo"}
    assert attributes.pop("ERROR_MESSAGE") in refusals(sources, live)[0]
    assert attributes == {"RULE_ARN": arn, "TARGET_ARN": live, "ERROR_CODE": "NO_PERMISSIONS"}
    assert sources.seen(name) == []


def attributes_of(message):
    return {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}


def test_what_a_rule_brings_to_a_function_that_is_gone_goes_to_the_targets_dead_letter_queue(sources):
    dead_url, dead = sources.queue()
    gone = "arn:aws:lambda:us-east-1:000000000000:function:gone"
    arn = sources.rule(gone, {"source": ["gone"]}, allowed=False, DeadLetterConfig={"Arn": dead})
    sources.let("events.amazonaws.com", arn, dead)

    sources.client("events").put_events(
        Entries=[{"Source": "gone", "DetailType": "Sold", "Detail": '{"title": "Momo"}'}]
    )

    [message] = sources.eventually_in(dead_url)
    assert json.loads(message["Body"])["detail"] == {"title": "Momo"}
    assert attributes_of(message) == {
        "RULE_ARN": arn,
        "TARGET_ARN": gone,
        "ERROR_CODE": "NO_RESOURCE",
        "ERROR_MESSAGE": f"Function not found: {gone}:$LATEST",
    }
    (told,) = eventually(lambda: refusals(sources, gone))
    assert told.endswith(f"{gone} got nothing from {arn}, here as on AWS: it is not there")


@pytest.mark.parametrize(
    ("action", "target", "code", "message"),
    [
        (
            "lambda:InvokeFunction",
            "lambda:us-east-1:000000000000:function:lost",
            "ResourceNotFoundException",
            "Function",
        ),
        ("sqs:SendMessage", "sqs:us-east-1:000000000000:lost", "AWS.SimpleQueueService.NonExistentQueue", "queue"),
        ("sns:Publish", "sns:us-east-1:000000000000:lost", "NotFound", "Topic"),
        ("sqs:SendMessage", "lambda:us-east-1:000000000000:function:lost", "AccessDeniedException", "not authorized"),
    ],
)
def test_what_a_schedule_cannot_bring_goes_to_its_dead_letter_queue(sources, action, target, code, message):
    dead_url, dead = sources.queue()
    target, at, name = f"arn:aws:{target}", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}", dead.rpartition(":")[2]
    role = sources.aws.role((action, target), ("sqs:SendMessage", dead), service="scheduler.amazonaws.com")
    given = {"Arn": target, "RoleArn": role, "Input": '{"report": "nightly"}', "DeadLetterConfig": {"Arn": dead}}
    schedule = sources.client("scheduler").create_schedule(
        Name=name, ScheduleExpression=f"at({at})", FlexibleTimeWindow={"Mode": "OFF"}, Target=given
    )["ScheduleArn"]

    [letter] = sources.eventually_in(dead_url)

    attributes = attributes_of(letter)
    assert letter["Body"] == '{"report": "nightly"}'
    assert message in attributes.pop("ERROR_MESSAGE")
    assert re.fullmatch("[0-9a-f]{16}", attributes.pop("EXECUTION_ID"))
    assert attributes == {
        "SCHEDULE_ARN": schedule,
        "TARGET_ARN": target,
        "ERROR_CODE": code,
        "SCHEDULED_TIME": f"{at}Z",
        "RETRY_ATTEMPTS": "0",
        "IS_PAYLOAD_TRUNCATED": "false",
    }


def test_a_permission_for_another_rule_does_not_hold(sources):
    name, live = sources.consumer()
    sources.rule(live, {"source": ["other than this"]})
    sources.rule(live, {"source": [name]}, allowed=False)

    sources.client("events").put_events(Entries=[{"Source": name, "DetailType": "Sold", "Detail": "{}"}])

    eventually(lambda: refusals(sources, live))
    assert sources.seen(name) == []


def test_a_record_goes_nowhere_that_the_functions_role_does_not_allow(sources):
    url, arn = sources.queue()
    name, live = sources.consumer(FAIL, Role=sources.aws.role())
    destination = {"OnFailure": {"Destination": arn}}
    sources.aws.lambda_.put_function_event_invoke_config(
        FunctionName=name, Qualifier="live", MaximumRetryAttempts=0, DestinationConfig=destination
    )

    sources.aws.lambda_.invoke(FunctionName=live, InvocationType="Event", Payload="{}")

    told = f"{arn} got no record of {name}"
    eventually(lambda: [each for each in sources.aws.heard(Notice) if each.text.startswith(told)])
    assert sources.emptied(url) == []


def test_a_schedule_brings_what_its_role_allows(sources):
    name, live = sources.consumer()
    schedule = {
        "Name": name,
        "ScheduleExpression": f"at({datetime.now(UTC):%Y-%m-%dT%H:%M:%S})",
        "FlexibleTimeWindow": {"Mode": "OFF"},
    }
    create = sources.client("scheduler").create_schedule
    with pytest.raises(ClientError, match="must allow AWS EventBridge Scheduler to assume the role"):
        create(**schedule, Target={"Arn": live, "RoleArn": sources.aws.role()})

    create(**schedule, Target={"Arn": live, "RoleArn": sources.aws.role(service="scheduler.amazonaws.com")})

    eventually(lambda: refusals(sources, live))
    assert sources.seen(name) == []


def test_a_bucket_tells_no_function_that_does_not_let_it(sources):
    name, live = sources.consumer()
    s3, bucket = sources.client("s3"), f"bucket-{next(sources.names)}"
    s3.create_bucket(Bucket=bucket)
    told = {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": live, "Events": ["s3:ObjectCreated:*"]}]}
    with pytest.raises(ClientError, match="Unable to validate the following destination configurations"):
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=told)

    sources.let("s3.amazonaws.com", f"arn:aws:s3:::{bucket}", live)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=told)
    s3.put_object(Bucket=bucket, Key="momo", Body=b"")

    assert sources.eventually_seen(name)[0]["event"]["Records"][0]["s3"]["object"]["key"] == "momo"
