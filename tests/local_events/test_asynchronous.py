"""SNS, EventBridge and Scheduler hand events over and wait for nobody: Lambda tries again, and records the end."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from background import eventually

from fastlambda_cli.local.model import InvocationReported

FAIL = 'raise ValueError("no")'


def topic(sources, *endpoints, **attributes):
    """Make a topic with these functions as its subscribers."""
    sns = sources.client("sns")
    arn = sns.create_topic(Name=f"topic-{next(sources.names)}")["TopicArn"]
    for endpoint in endpoints:
        sns.subscribe(TopicArn=arn, Protocol="lambda", Endpoint=endpoint, Attributes=attributes)
    return arn


def bus_rule(sources, target, pattern, **settings):
    """Have a rule of the default bus send what matches to a target."""
    name = f"rule-{next(sources.names)}"
    sources.client("events").put_rule(Name=name, EventPattern=json.dumps(pattern))
    sources.client("events").put_targets(Rule=name, Targets=[{"Id": "target", "Arn": target, **settings}])


def test_a_message_of_a_topic_reaches_each_subscriber_under_its_alias(sources):
    (first, first_live), (second, second_live) = sources.consumer(), sources.consumer()
    arn = topic(sources, first_live, second_live)
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
    arn = topic(sources, live, FilterPolicy='{"currency": ["EUR"]}')
    for currency in ("USD", "EUR"):
        attributes = {"currency": {"DataType": "String", "StringValue": currency}}
        sources.client("sns").publish(TopicArn=arn, Message=currency, MessageAttributes=attributes)

    [invocation] = sources.eventually_seen(name)

    assert invocation["event"]["Records"][0]["Sns"]["Message"] == "EUR"


def test_a_function_that_fails_on_a_message_gets_it_twice_more_with_the_same_request_id(sources):
    name, live = sources.consumer(FAIL)
    arn = topic(sources, live)
    sources.client("sns").publish(TopicArn=arn, Message="once")

    invocations = sources.eventually_seen(name, 3)

    assert len({each["id"] for each in invocations}) == 1
    assert len({json.dumps(each["event"]) for each in invocations}) == 1


def test_a_message_for_a_function_that_is_gone_goes_to_the_subscriptions_dead_letter_queue(sources):
    name, live = sources.consumer()
    dead_url, dead_arn = sources.queue()
    arn = topic(sources, live, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead_arn}))
    sources.aws.lambda_.delete_function(FunctionName=name)
    sources.client("sns").publish(TopicArn=arn, Message="too late")

    [message] = sources.eventually_in(dead_url)

    assert json.loads(message["Body"])["Message"] == "too late"


def test_an_event_reaches_the_target_of_the_rule_that_it_matches(sources):
    name, live = sources.consumer()
    bus_rule(sources, live, {"source": ["shop"], "detail": {"price": [{"numeric": [">", 10]}]}})
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
    bus_rule(sources, live, {"source": ["library"]}, InputTransformer=transformer)
    entry = {"Source": "library", "DetailType": "BookCreated", "Detail": '{"title": "Momo"}'}
    sources.client("events").put_events(Entries=[entry])

    [invocation] = sources.eventually_seen(name)

    assert invocation["event"] == {"imported": "Momo"}


def test_a_schedule_fires_its_target_once(sources):
    name, live = sources.consumer()
    sources.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=f"at({datetime.now(UTC):%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={"Arn": live, "RoleArn": "arn:aws:iam::000000000000:role/scheduler", "Input": '{"report": "nightly"}'},
    )

    [invocation] = sources.eventually_seen(name)
    eventually(lambda: not sources.client("scheduler").list_schedules()["Schedules"])

    assert (invocation["arn"], invocation["event"]) == (live, {"report": "nightly"})


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
    bus_rule(sources, after_live, {"detail-type": ["Lambda Function Invocation Result - Success"]})
    for destination in ("arn:aws:events:us-east-1:000000000000:event-bus/default", topic(sources, after_live)):
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
    arn = topic(sources, live)
    sources.client("sns").publish(TopicArn=arn, Message="hello")
    bus_rule(sources, live, {"source": ["names"]})
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
