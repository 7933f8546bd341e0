"""Events on the local AWS, through boto3 as any tool would deploy them; only what the emulator lacks is left out."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from stacks_by_hand import StackByHand

from fastlambda_cli.template import render

ACCOUNT = "000000000000"
REGION = "us-east-1"
CODE = "handler = print\n"
IMPORTS = "@events.sqs('imports', batch_size={size}, max_receive_count=4)\nasync def take(book): ...\n"
EVERYTHING = """
@events.sqs("stock.fifo")
async def count(stock): ...

@events.sns("prices", filter_policy={"currency": ["EUR"]})
async def price(message): ...

@events.eventbridge(source="books", detail_type="BookCreated")
async def created(book): ...

@events.schedule("rate(1 day)")
async def tidy(): ...
"""


class Deployed:
    """The stack of a stage, of a service that declares events; the code that is deployed is another."""

    def __init__(self, aws, load, stage):
        self.name = f"shop-{stage}"
        self._stage, self._load = stage, load
        self._stack = StackByHand(aws, self.name)

    def create(self, declared, lines=""):
        self._stack.create(self._document(declared, lines), CODE)

    def update(self, declared):
        self._stack.update(self._document(declared), CODE)

    def delete(self):
        self._stack.delete()

    def outputs(self):
        return self._stack.outputs()

    def _document(self, declared, lines=""):
        pyproject = f'[project]\nname = "shop"\n[tool.fastlambda]\nalarms.email = "oncall@example.com"\n{lines}\n'
        code = (
            "from fastlambda import EventRouter, FastLambda\nevents = EventRouter()\n"
            f"{declared}\nhandler = FastLambda(print, events=events)\n"
        )
        return render(self._load(pyproject, code), stage=self._stage, runtime="python3.13").document


@pytest.fixture
def deployed(local_aws, load, unique):
    stack = Deployed(local_aws, load, unique("t"))
    yield stack
    stack.delete()


@pytest.fixture
def alias_of():
    return lambda stack: f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{stack.name}:live"


def test_every_source_reaches_the_alias(deployed, local_aws, alias_of):
    deployed.create(IMPORTS.format(size=5) + EVERYTHING)
    alias = alias_of(deployed)

    mappings = local_aws.client("lambda").list_event_source_mappings(FunctionName=alias)["EventSourceMappings"]
    by_queue = {mapping["EventSourceArn"].rpartition(":")[2]: mapping for mapping in mappings}
    assert by_queue.keys() == {f"{deployed.name}-imports", f"{deployed.name}-stock.fifo"}
    assert by_queue[f"{deployed.name}-imports"]["BatchSize"] == 5
    assert all(mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for mapping in mappings)

    (subscription,) = local_aws.client("sns").list_subscriptions_by_topic(
        TopicArn=f"arn:aws:sns:{REGION}:{ACCOUNT}:{deployed.name}-prices"
    )["Subscriptions"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("lambda", alias)

    (target,) = local_aws.client("events").list_targets_by_rule(Rule=f"{deployed.name}-created")["Targets"]
    assert target["Arn"] == alias
    assert target["DeadLetterConfig"]["Arn"].endswith(f":{deployed.name}-failed-events")

    schedule = local_aws.client("scheduler").get_schedule(GroupName=deployed.name, Name="tidy")
    assert schedule["Target"]["Arn"] == alias
    assert schedule["ScheduleExpression"] == "rate(1 day)"

    config = local_aws.client("lambda").get_function_event_invoke_config(FunctionName=deployed.name, Qualifier="live")
    assert config["DestinationConfig"]["OnFailure"]["Destination"].endswith(f":{deployed.name}-failed-events")


def test_a_bus_of_the_stacks_own_has_the_rules_and_goes_with_the_stack(deployed, local_aws, alias_of):
    events = local_aws.client("events")
    deployed.create(EVERYTHING, "events.bus.default.own = true")
    bus = f"{deployed.name}-default"
    (rule,) = events.list_rules(EventBusName=bus)["Rules"]
    assert rule["Name"] == f"{deployed.name}-created"
    (target,) = events.list_targets_by_rule(Rule=rule["Name"], EventBusName=bus)["Targets"]
    assert target["Arn"] == alias_of(deployed)
    assert events.list_rules(NamePrefix=deployed.name)["Rules"] == []

    deployed.delete()
    assert bus not in [one["Name"] for one in events.list_event_buses()["EventBuses"]]


def test_a_queue_hands_its_dead_letters_to_a_queue_that_takes_no_others(deployed, local_aws):
    deployed.create(IMPORTS.format(size=5))
    sqs, outputs = local_aws.client("sqs"), deployed.outputs()

    def attributes(output):
        return sqs.get_queue_attributes(QueueUrl=outputs[output], AttributeNames=["All"])["Attributes"]

    queue, letters = attributes("ImportsQueueUrl"), attributes("ImportsQueueDeadLettersUrl")
    assert json.loads(queue["RedrivePolicy"]) == {"deadLetterTargetArn": letters["QueueArn"], "maxReceiveCount": 4}
    assert queue["VisibilityTimeout"] == "180"
    assert json.loads(letters["RedriveAllowPolicy"])["sourceQueueArns"] == [queue["QueueArn"]]
    assert letters["MessageRetentionPeriod"] == str(14 * 24 * 3600)


def test_a_fifo_topic_hands_its_messages_to_a_fifo_queue_in_their_groups_and_numbered(deployed, local_aws):
    declared = "@events.sqs('moves.fifo', topic='stock.fifo')\nasync def move(stock): ..."
    deployed.create(declared, "events.sqs.'moves.fifo'.enabled = false")
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:{deployed.name}-stock.fifo"
    sns, sqs = local_aws.client("sns"), local_aws.client("sqs")
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["FifoTopic"] == "true"
    with pytest.raises(ClientError, match="MessageGroupId"):
        sns.publish(TopicArn=topic, Message="of no group", MessageDeduplicationId="0")
    for number in ("1", "1", "2"):
        sns.publish(TopicArn=topic, Message=number, MessageGroupId="a", MessageDeduplicationId=number)

    received = []
    while len(received) < 2:
        answer = sqs.receive_message(
            QueueUrl=deployed.outputs()["MovesFifoQueueUrl"],
            MaxNumberOfMessages=10,
            WaitTimeSeconds=5,
            MessageSystemAttributeNames=["All"],
        )
        received += answer.get("Messages") or pytest.fail(f"there are {received}")
    assert [json.loads(one["Body"])["Message"] for one in received] == ["1", "2"]
    assert [one["Attributes"]["MessageGroupId"] for one in received] == ["a", "a"]
    first, second = (one["Attributes"]["SequenceNumber"] for one in received)
    assert first < second


def test_a_change_of_a_queue_alone_publishes_no_version(deployed, local_aws):
    deployed.create(IMPORTS.format(size=5))
    deployed.update(IMPORTS.format(size=9))
    lambda_ = local_aws.client("lambda")
    (mapping,) = lambda_.list_event_source_mappings(FunctionName=deployed.name)["EventSourceMappings"]
    assert mapping["BatchSize"] == 9
    found = lambda_.list_versions_by_function(FunctionName=deployed.name)["Versions"]
    assert [version["Version"] for version in found] == ["$LATEST", "1"]


def test_what_is_declared_no_more_is_gone_and_nothing_else(deployed, local_aws):
    deployed.create(IMPORTS.format(size=5) + EVERYTHING)
    deployed.update(IMPORTS.format(size=5))
    found = local_aws.client("sqs").list_queues(QueueNamePrefix=f"{deployed.name}-").get("QueueUrls", [])
    assert {url.rpartition("/")[2] for url in found} == {
        f"{deployed.name}-imports",
        f"{deployed.name}-imports-dead-letters",
    }
    groups = local_aws.client("scheduler").list_schedule_groups()["ScheduleGroups"]
    assert deployed.name not in {group["Name"] for group in groups}
    assert not local_aws.client("events").list_rules(NamePrefix=deployed.name)["Rules"]
