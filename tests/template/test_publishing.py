"""What a declared destination renders: the one action that publishing takes, and a topic that nobody consumes."""

from __future__ import annotations

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


def test_a_service_that_publishes_nothing_may_publish_nothing_and_is_told_nothing(document):
    rendered = document("")
    variables = rendered["Resources"]["Function"]["Properties"]["Environment"]["Variables"]
    assert published(rendered) == {}
    assert "FASTLAMBDA_EVENT_DESTINATIONS" not in variables


@pytest.mark.parametrize("name", ["Prices", "prices_"])
def test_two_topics_with_one_logical_id_are_refused(document, name):
    with pytest.raises(ConfigurationError, match="has the logical id PricesTopic, which another has already"):
        document(f"{TOPIC}\nother = events.topic('{name}', str)")
