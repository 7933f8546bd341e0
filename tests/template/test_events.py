"""What a declared event renders."""

from __future__ import annotations

import json

import pytest

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.template import render

SHOP = '[project]\nname = "shop"\n[tool.fastlambda]\n'
QUEUE = "@events.sqs('imports')\ndef take(book): ..."
TOPIC = "@events.sns('prices')\ndef price(message): ..."
RULE = "@events.eventbridge(source='books')\ndef created(book): ..."
SCHEDULE = "@events.schedule('rate(1 hour)')\ndef tidy(): ..."
ARN = "arn:aws:{service}:eu-west-1:123456789012:elsewhere"


@pytest.fixture
def document(load):
    """The template of a service that declares these consumers."""

    def document(declared, lines="", *, stage="dev"):
        code = (
            "from fastlambda import EventRouter, FastLambda\nevents = EventRouter()\n"
            f"{declared}\nhandler = FastLambda(print, events=events)\n"
        )
        service = load(SHOP + lines, code, stage=stage)
        return render(service, stage=stage, runtime="python3.13").document

    return document


@pytest.fixture
def properties(document):
    """The properties of every resource by its logical id."""

    def properties(declared, lines="", *, stage="dev"):
        resources = document(declared, lines, stage=stage)["Resources"]
        return {name: found["Properties"] for name, found in resources.items()}

    return properties


def statements_of(role):
    (policy,) = role["Policies"]
    return {statement["Sid"]: statement for statement in policy["PolicyDocument"]["Statement"]}


def test_a_service_without_events_has_nothing_of_them(properties):
    made = properties("")
    assert {"FailedEvents", "AsynchronousInvocations", "ScheduleGroup"}.isdisjoint(made)
    assert set(statements_of(made["Role"])) == {"Logs", "Traces"}


@pytest.mark.parametrize(
    ("declared", "sids"),
    [
        (QUEUE, {"Queues"}),
        (TOPIC, {"FailedEvents"}),
        (RULE, {"FailedEvents"}),
        (SCHEDULE, {"FailedEvents"}),
        (f"{QUEUE}\n{TOPIC}", {"Queues", "FailedEvents"}),
    ],
    ids=["a queue", "a topic", "a rule", "a schedule", "a queue and a topic"],
)
def test_the_role_gets_what_its_sources_take_and_nothing_else(properties, declared, sids):
    statements = statements_of(properties(declared)["Role"])
    assert set(statements) - {"Logs", "Traces"} == sids
    if "Queues" in sids:
        assert statements["Queues"]["Action"] == ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
        assert statements["Queues"]["Resource"] == [{"Fn::GetAtt": ["ImportsQueue", "Arn"]}]
    if "FailedEvents" in sids:
        assert statements["FailedEvents"]["Action"] == ["sqs:SendMessage"]
        assert statements["FailedEvents"]["Resource"] == {"Fn::GetAtt": ["FailedEvents", "Arn"]}


def test_a_message_is_hidden_six_times_as_long_as_the_function_may_take_and_while_its_batch_is_gathered(properties):
    made = properties("@events.sqs('imports', batch_size=50, window=20)\ndef take(book): ...", "timeout = 40")
    assert made["ImportsQueue"]["VisibilityTimeout"] == 6 * 40 + 20
    assert made["ImportsQueueMapping"]["MaximumBatchingWindowInSeconds"] == 20


def test_a_queue_is_encrypted_and_so_are_its_dead_letters(properties):
    made = properties(QUEUE + "\n" + TOPIC)
    assert all(
        made[name]["SqsManagedSseEnabled"] for name in ("ImportsQueue", "ImportsQueueDeadLetters", "FailedEvents")
    )


def test_the_dead_letters_of_a_fifo_queue_are_in_order_too(properties):
    made = properties("@events.sqs('stock.fifo')\ndef count(stock): ...")
    assert made["StockFifoQueue"]["QueueName"] == "shop-dev-stock.fifo"
    assert made["StockFifoQueueDeadLetters"]["QueueName"] == "shop-dev-stock-dead-letters.fifo"
    assert made["StockFifoQueue"]["FifoQueue"] is made["StockFifoQueueDeadLetters"]["FifoQueue"] is True


def test_filters_and_the_limit_of_environments_are_the_mappings(properties):
    declared = "@events.sqs('imports', maximum_concurrency=3, filters=[{'body': {'kind': ['book']}}])\ndef f(book): ..."
    mapping = properties(declared)["ImportsQueueMapping"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 3}
    assert [json.loads(found["Pattern"]) for found in mapping["FilterCriteria"]["Filters"]] == [
        {"body": {"kind": ["book"]}}
    ]


def test_of_a_queue_that_exists_only_the_mapping_and_the_permission_are_made(properties):
    arn = ARN.format(service="sqs")
    made = properties(f"@events.sqs('{arn}')\ndef take(book): ...", f'alarms.topic = "{ARN.format(service="sns")}"')
    assert [name for name in made if name.startswith("Elsewhere")] == ["ElsewhereQueueMapping"]
    assert made["ElsewhereQueueMapping"]["EventSourceArn"] == arn
    assert statements_of(made["Role"])["Queues"]["Resource"] == [arn]


def test_of_a_topic_that_exists_only_the_subscription_and_the_permission_are_made(properties):
    arn = ARN.format(service="sns")
    made = properties(f"@events.sns('{arn}')\ndef take(book): ...")
    assert {name for name in made if name.startswith("Elsewhere")} == {
        "ElsewhereTopicPermission",
        "ElsewhereTopicSubscription",
    }
    assert made["ElsewhereTopicPermission"]["SourceArn"] == made["ElsewhereTopicSubscription"]["TopicArn"] == arn
    assert made["ElsewhereTopicSubscription"]["Region"] == "eu-west-1"


def test_a_queue_takes_the_messages_of_its_topic_and_of_no_other(properties):
    made = properties("@events.sqs('moves.fifo', topic='stock.fifo')\ndef take(move): ...")
    assert made["StockFifoTopic"] == {"TopicName": "shop-dev-stock.fifo", "FifoTopic": True}
    assert made["MovesFifoQueueSubscription"] == {
        "TopicArn": {"Ref": "StockFifoTopic"},
        "Protocol": "sqs",
        "Endpoint": {"Fn::GetAtt": ["MovesFifoQueue", "Arn"]},
    }
    (sends,) = made["MovesFifoQueuePolicy"]["PolicyDocument"]["Statement"]
    assert (sends["Principal"], sends["Action"]) == ({"Service": "sns.amazonaws.com"}, ["sqs:SendMessage"])
    assert sends["Resource"] == {"Fn::GetAtt": ["MovesFifoQueue", "Arn"]}
    assert sends["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": "StockFifoTopic"}}}
    assert set(statements_of(made["Role"])) == {"Logs", "Traces", "Queues"}


def test_a_queue_is_subscribed_to_a_topic_that_exists_and_that_a_stage_may_have_elsewhere(properties):
    arn, other = ARN.format(service="sns"), "arn:aws:sns:eu-west-1:123456789012:others"
    declared = f"@events.sqs('moves', topic='{arn}')\ndef take(move): ..."
    for lines, expected in (("", arn), (f'events.sns.elsewhere.arn = "{other}"', other)):
        made = properties(declared, lines)
        assert made["MovesQueueSubscription"]["TopicArn"] == expected
        assert made["MovesQueueSubscription"]["Region"] == "eu-west-1"
        assert not [name for name in made if name.endswith("Topic")]


@pytest.mark.parametrize(
    ("declared", "permission", "principal", "source"),
    [
        (TOPIC, "PricesTopicPermission", "sns.amazonaws.com", {"Ref": "PricesTopic"}),
        (RULE, "CreatedRulePermission", "events.amazonaws.com", {"Fn::GetAtt": ["CreatedRule", "Arn"]}),
    ],
    ids=["a topic", "a rule"],
)
def test_one_source_and_no_other_may_invoke_the_alias(properties, declared, permission, principal, source):
    found = properties(declared)[permission]
    assert found["FunctionName"] == {"Ref": "Alias"}
    assert (found["Principal"], found["SourceArn"]) == (principal, source)


def test_only_the_own_group_of_schedules_may_use_their_role_and_it_may_invoke_the_alias_alone(properties):
    made = properties(SCHEDULE)
    (trust,) = made["ScheduleRole"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"]["StringEquals"]["aws:SourceArn"]["Fn::Sub"].endswith(":schedule-group/shop-dev")
    statements = statements_of(made["ScheduleRole"])
    assert (statements["Invoke"]["Action"], statements["Invoke"]["Resource"]) == (
        ["lambda:InvokeFunction"],
        {"Ref": "Alias"},
    )
    assert set(statements) == {"Invoke", "FailedEvents"}


def test_a_schedule_keeps_its_name_by_which_the_function_knows_it_and_is_in_the_stages_own_group(properties):
    made = properties(
        "@events.schedule('cron(0 3 * * ? *)', timezone='Europe/Berlin', name='nightly')\ndef f(): ...", stage="prod"
    )
    assert made["NightlySchedule"]["Name"] == "nightly"
    assert made["NightlySchedule"]["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert made["NightlySchedule"]["GroupName"] == {"Ref": "ScheduleGroup"}
    assert made["ScheduleGroup"]["Name"] == "shop-prod"


def test_a_rule_says_no_more_than_its_consumer_asks_for(properties):
    assert properties(RULE)["CreatedRule"]["EventPattern"] == {"source": ["books"]}
    precise = "@events.eventbridge(source='books', detail_type='Sold', detail={'price': [{'numeric': ['>', 9]}]})\n"
    assert properties(precise + "def sold(book): ...")["SoldRule"]["EventPattern"] == {
        "source": ["books"],
        "detail-type": ["Sold"],
        "detail": {"price": [{"numeric": [">", 9]}]},
    }


def test_whatever_topics_rules_and_schedules_brought_in_vain_ends_in_one_queue(properties):
    made = properties(f"{TOPIC}\n{RULE}\n{SCHEDULE}")
    queue = {"Fn::GetAtt": ["FailedEvents", "Arn"]}
    assert made["PricesTopicSubscription"]["RedrivePolicy"] == {"deadLetterTargetArn": queue}
    assert made["CreatedRule"]["Targets"][0]["DeadLetterConfig"] == {"Arn": queue}
    assert made["TidySchedule"]["Target"]["DeadLetterConfig"] == {"Arn": queue}
    assert made["AsynchronousInvocations"]["DestinationConfig"] == {"OnFailure": {"Destination": queue}}
    senders = made["FailedEventsPolicy"]["PolicyDocument"]["Statement"]
    assert {sender["Principal"]["Service"]: sender["Condition"] for sender in senders} == {
        "sns.amazonaws.com": {"ArnEquals": {"aws:SourceArn": [{"Ref": "PricesTopic"}]}},
        "events.amazonaws.com": {"ArnEquals": {"aws:SourceArn": [{"Fn::GetAtt": ["CreatedRule", "Arn"]}]}},
    }


def test_what_a_stage_switches_off_is_there_and_delivers_nothing(properties):
    off = "events = { sqs.imports.enabled = false, eventbridge.created.enabled = false, schedule.tidy.enabled = false }"
    made = properties(f"{QUEUE}\n{RULE}\n{SCHEDULE}", off)
    assert made["ImportsQueueMapping"]["Enabled"] is False
    assert made["CreatedRule"]["State"] == made["TidySchedule"]["State"] == "DISABLED"


def test_an_alarm_rings_when_messages_wait_longer_than_all_their_deliveries_take(properties):
    made = properties(QUEUE, 'alarms.email = "oncall@example.com"\ntimeout = 10')
    alarm = made["ImportsQueueAgeAlarm"]
    assert (alarm["MetricName"], alarm["Threshold"]) == ("ApproximateAgeOfOldestMessage", 4 * 60)
    other = properties(QUEUE, 'alarms = { email = "oncall@example.com", message_age = 77 }')
    assert other["ImportsQueueAgeAlarm"]["Threshold"] == 77


def test_an_alarm_rings_for_the_first_dead_letter(properties):
    made = properties(f"{QUEUE}\n{TOPIC}", 'alarms.email = "oncall@example.com"')
    for name, queue in (
        ("ImportsQueueDeadLettersAlarm", "ImportsQueueDeadLetters"),
        ("FailedEventsAlarm", "FailedEvents"),
    ):
        alarm = made[name]
        assert (alarm["MetricName"], alarm["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 1)
        assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}]


def test_the_stack_says_where_messages_are_sent_and_where_those_are_that_failed(document):
    outputs = document(f"{QUEUE}\n{TOPIC}")["Outputs"]
    assert outputs["ImportsQueueUrl"]["Value"] == {"Ref": "ImportsQueue"}
    assert outputs["ImportsQueueDeadLettersUrl"]["Value"] == {"Ref": "ImportsQueueDeadLetters"}
    assert outputs["PricesTopicArn"]["Value"] == {"Ref": "PricesTopic"}
    assert outputs["FailedEventsUrl"]["Value"] == {"Ref": "FailedEvents"}


@pytest.mark.parametrize(
    "lines",
    [
        "events.sqs.imports.batch_size = 5",
        "events.sqs.imports.max_receive_count = 5",
        "events.sqs.imports.enabled = false",
    ],
)
def test_a_change_of_a_queue_alone_makes_no_version(properties, lines):
    def version(made):
        return [name for name in made if name.startswith("Version")]

    assert version(properties(QUEUE, lines)) == version(properties(QUEUE))


SAYS = {
    "two names that are one logical id": (
        "@events.sqs('a-b')\ndef f(x): ...\n@events.sqs('a_b')\ndef g(x): ...",
        "",
        "sqs:a_b has the logical id ABQueue, which sqs:a-b has already",
    ),
    "a queue that is called like another's dead letters": (
        "@events.sqs('a')\ndef f(x): ...\n@events.sqs('a-dead-letters')\ndef g(x): ...",
        "",
        "would both be named shop-dev-a-dead-letters on AWS",
    ),
    "a queue that is called like that of failed events": (
        f"@events.sqs('failed-events')\ndef f(x): ...\n{TOPIC}",
        "",
        "would both be named shop-dev-failed-events on AWS",
    ),
    "a topic that is called like that of the alarms": (
        "@events.sns('alarms')\ndef f(x): ...",
        'alarms.email = "oncall@example.com"',
        "would both be named shop-dev-alarms on AWS",
    ),
    "the logical id of the alarms' topic": (
        "@events.sns('alarm')\ndef f(x): ...",
        'alarms.email = "oncall@example.com"',
        "sns:alarm has the logical id AlarmTopic, which the topic of the alarms has already",
    ),
    "a topic of a queue with the logical id of another": (
        "@events.sqs('q', topic='a-b')\ndef f(x): ...\n@events.sns('a_b')\ndef g(x): ...",
        "",
        "sns:a-b has the logical id ABTopic, which another has already",
    ),
    "a name that is too long for a queue": (
        f"@events.sqs('{'q' * 72}')\ndef f(x): ...",
        "",
        "of 81 characters",
    ),
    "a name that is too long for a dead-letter queue": (
        f"@events.sqs('{'q' * 60}')\ndef f(x): ...",
        "",
        "of 82 characters",
    ),
    "a name that is too long for a rule": (
        f"@events.eventbridge(source='a', name='{'r' * 56}')\ndef f(x): ...",
        "",
        "of 65 characters",
    ),
}


@pytest.mark.parametrize(("declared", "lines", "said"), SAYS.values(), ids=SAYS)
def test_names_that_aws_would_refuse_are_told_before_anything_is_rendered(document, declared, lines, said):
    with pytest.raises(ConfigurationError) as refused:
        document(declared, lines)
    assert said in str(refused.value)
    assert refused.value.remedy
