"""What a declared destination renders: the one action that publishing takes, and a topic that nobody consumes."""

from __future__ import annotations

import re

import pytest

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.template import render

SHOP = '[project]\nname = "shop"\n[tool.fastlambda]\n'
QUEUE = "@events.sqs('imports')\ndef take(book): ...\nimports = events.queue('imports', str)"
TOPIC = "prices = events.topic('prices', str)"
BUS = "bus = events.bus(source='books')"


@pytest.fixture
def document(load):
    def document(declared, lines=""):
        code = (
            "from fastlambda import EventRouter, FastLambda\nevents = EventRouter()\n"
            f"{declared}\nhandler = FastLambda(print, events=events)\n"
        )
        return render(load(SHOP + lines, code, stage="dev"), stage="dev", runtime="python3.13").document

    return document


def published(document):
    (policy,) = document["Resources"]["Role"]["Properties"]["Policies"]
    statements = {one["Sid"]: one for one in policy["PolicyDocument"]["Statement"]}
    return {sid: one for sid, one in statements.items() if sid not in {"Logs", "Traces", "Queues", "FailedEvents"}}


def test_a_queue_is_sent_to_and_nothing_more_may_be_done_with_it(document):
    assert published(document(QUEUE)) == {
        "SendsTo": {
            "Sid": "SendsTo",
            "Effect": "Allow",
            "Action": ["sqs:SendMessage"],
            "Resource": [{"Fn::GetAtt": ["ImportsQueue", "Arn"]}],
        }
    }


def test_a_topic_that_nobody_here_consumes_is_made_and_published_to_and_told(document):
    rendered = document(TOPIC)
    assert published(rendered) == {
        "PublishesTo": {
            "Sid": "PublishesTo",
            "Effect": "Allow",
            "Action": ["sns:Publish"],
            "Resource": [{"Ref": "PricesTopic"}],
        }
    }
    assert rendered["Resources"]["PricesTopic"]["Properties"] == {"TopicName": "shop-dev-prices"}
    assert rendered["Outputs"]["PricesTopicArn"]["Value"] == {"Ref": "PricesTopic"}
    assert "FailedEvents" not in rendered["Resources"]


def test_a_topic_that_is_consumed_too_is_made_once(document):
    rendered = document(f"@events.sns('prices')\ndef price(message): ...\n{TOPIC}")
    topics = [name for name, one in rendered["Resources"].items() if one["Type"] == "AWS::SNS::Topic"]
    assert topics == ["PricesTopic"]


def test_events_of_the_declared_sources_alone_may_be_put_on_a_bus(document):
    (statement,) = published(document(f"{BUS}\nother = events.bus(source='books.stock')")).values()
    assert statement["Action"] == ["events:PutEvents"]
    assert statement["Resource"]["Fn::Sub"].endswith(":event-bus/default")
    assert statement["Condition"] == {"StringEquals": {"events:source": ["books", "books.stock"]}}


def test_a_bus_of_the_stacks_own_is_made_put_on_and_consumed_from(document):
    rule = "@events.eventbridge(source='books', bus='shop')\ndef created(book): ..."
    rendered = document(f"bus = events.bus('shop', source='books')\n{rule}", "events.bus.shop.own = true\n")
    resources = rendered["Resources"]
    assert resources["ShopBus"]["Properties"]["Name"] == "shop-dev-shop"
    assert resources["CreatedRule"]["Properties"]["EventBusName"] == {"Ref": "ShopBus"}
    assert published(rendered)["PutsEvents1"]["Resource"] == {"Fn::GetAtt": ["ShopBus", "Arn"]}
    (told,) = resources["Function"]["Properties"]["Environment"]["Variables"]["FASTLAMBDA_EVENT_DESTINATIONS"].values()
    assert '"eventbridge:shop":"arn:${AWS::Partition}:events' in told
    assert told.endswith(':event-bus/shop-dev-shop"}')


def test_a_stage_puts_events_on_another_bus_and_consumes_from_it(document):
    rule = "@events.eventbridge(source='books')\ndef created(book): ..."
    rendered = document(f"{BUS}\n{rule}", 'events.bus.default.name = "company"\n')
    assert rendered["Resources"]["CreatedRule"]["Properties"]["EventBusName"] == "company"
    assert published(rendered)["PutsEvents1"]["Resource"]["Fn::Sub"].endswith(":event-bus/company")
    assert not [one for one in rendered["Resources"].values() if one["Type"] == "AWS::Events::EventBus"]


def test_events_of_aws_itself_are_consumed_from_the_default_bus_whatever_stands_in_for_it(document):
    rule = "@events.eventbridge(source='aws.s3')\ndef stored(item): ..."
    rendered = document(f"{BUS}\n{rule}", "events.bus.default.own = true\n")
    assert "EventBusName" not in rendered["Resources"]["StoredRule"]["Properties"]
    assert rendered["Resources"]["DefaultBus"]["Properties"]["Name"] == "shop-dev-default"


def test_a_bus_that_a_stage_names_takes_the_place_of_its_own(document):
    lines = 'events.bus.default.own = true\n[tool.fastlambda.stages.dev.events]\nbus.default.name = "company"\n'
    assert "DefaultBus" not in document(BUS, lines)["Resources"]


@pytest.mark.parametrize(
    ("declared", "lines", "words"),
    [
        (BUS, "events.bus.orders.own = true\n", "events.bus.orders is of nothing that the code declares"),
        (BUS, 'events.bus.default = { own = true, name = "x" }\n', "either by `name` or by `own = true`"),
        (BUS, "events.bus.default = {}\n", "either by `name` or by `own = true`"),
        ("b = events.bus('a/b', source='s')", 'events.bus."a/b".own = true\n', "is a partner's"),
        (
            "a = events.bus('a-b', source='s')\nb = events.bus('a.b', source='s')",
            "events.bus.a-b.own = true\nevents.bus.'a.b'.own = true\n",
            "The bus a.b has the logical id ABBus",
        ),
    ],
)
def test_a_bus_in_place_of_nothing_or_of_two_kinds_is_refused(document, declared, lines, words):
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        document(declared, lines)


def test_a_service_that_publishes_nothing_may_publish_nothing_and_is_told_nothing(document):
    rendered = document("")
    variables = rendered["Resources"]["Function"]["Properties"]["Environment"]["Variables"]
    assert published(rendered) == {}
    assert "FASTLAMBDA_EVENT_DESTINATIONS" not in variables


@pytest.mark.parametrize("name", ["Prices", "prices_"])
def test_two_topics_with_one_logical_id_are_refused(document, name):
    with pytest.raises(ConfigurationError, match="has the logical id PricesTopic, which another has already"):
        document(f"{TOPIC}\nother = events.topic('{name}', str)")
