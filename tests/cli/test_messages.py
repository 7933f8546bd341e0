"""`send` and `dlq` on a real local AWS."""

from __future__ import annotations

import json

import pytest
from access_keys import as_dev_of

HANDLER = """
from fastlambda import EventRouter, FastLambda

events = EventRouter()
handler = FastLambda(print, events=events)


@events.sqs("imports")
def imported(title: str) -> None: ...


@events.sqs("sorted.fifo")
def sorted_in(title: str) -> None: ...
"""


@pytest.fixture(scope="module")
def sqs(local_aws):
    return local_aws.client("sqs")


@pytest.fixture
def service(tmp_path, local_aws, unique):
    """A service beside a local AWS that a `dev` of its stage `folder` could be running; its queues are not there."""
    (tmp_path / "lambda_handler.py").write_text(HANDLER)
    project = f'[project]\nname = "{unique("shop")}"\nversion = "1"\nrequires-python = ">=3.11"\n'
    (tmp_path / "pyproject.toml").write_text(project)
    with as_dev_of(tmp_path, local_aws):
        yield tmp_path


@pytest.fixture
def queues(service, sqs):
    """The service's queues and the dead-letter queue of each, by declared name: their URLs."""
    stack = service.joinpath("pyproject.toml").read_text().split('"')[1] + "-dev"
    urls = {}
    for name in ("imports", "sorted.fifo"):
        attributes = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        dead = f"{stack}-dead-{name}"
        policy = {"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:000000000000:{dead}", "maxReceiveCount": 3}
        urls[f"dead {name}"] = sqs.create_queue(QueueName=dead, Attributes=attributes)["QueueUrl"]
        redriven = attributes | {"RedrivePolicy": json.dumps(policy)}
        urls[name] = sqs.create_queue(QueueName=f"{stack}-{name}", Attributes=redriven)["QueueUrl"]
    return urls


def taken(sqs, url):
    answer = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
    )
    return answer.get("Messages", [])


def test_a_message_is_sent_to_the_queue_of_the_declared_name(fastlambda, service, queues, sqs):
    answer = fastlambda("send", "imports", '{"title": "Momo"}', service, "--local", "--json")

    [message] = taken(sqs, queues["imports"])
    assert message["Body"] == '{"title": "Momo"}'
    assert json.loads(answer.stdout)["message_id"] == message["MessageId"]


def test_a_message_to_a_fifo_queue_has_a_group_and_is_never_taken_for_a_duplicate(fastlambda, service, queues, sqs):
    for _ in range(2):
        assert fastlambda("send", "sorted.fifo", "same", service, "--local", "--group", "a").returncode == 0

    assert [message["Attributes"]["MessageGroupId"] for message in taken(sqs, queues["sorted.fifo"])] == ["a", "a"]


def test_a_name_that_is_not_declared_is_answered_with_those_that_are(fastlambda, service):
    answer = fastlambda("send", "import", "{}", service, "--local")
    assert answer.returncode == 2
    assert "it declares imports, sorted.fifo" in answer.stderr


def test_a_queue_that_is_not_deployed_is_told_with_what_to_do(fastlambda, service):
    answer = fastlambda("send", "imports", "{}", service, "--local")
    assert answer.returncode == 6
    assert "There is no queue" in answer.stderr
    assert "Deploy the service" in answer.stderr


def test_dead_letters_are_listed_and_stay(fastlambda, service, queues, sqs):
    sqs.send_message(QueueUrl=queues["dead imports"], MessageBody="poison \x9b31m")

    answer = fastlambda("dlq", "imports", service, "--local")
    every = json.loads(fastlambda("dlq", "imports", service, "--local", "--json").stdout)

    assert "imports: 1 dead" in answer.stdout
    assert "poison \ufffd31m" in answer.stdout
    assert [message["body"] for message in every["imports"]["messages"]] == ["poison \x9b31m"]
    assert every["imports"]["waiting"] == 1


def test_redriven_dead_letters_are_in_their_queue_again_with_their_attributes(fastlambda, service, queues, sqs):
    kind = {"kind": {"DataType": "String", "StringValue": "novel"}}
    for number in range(12):
        sqs.send_message(QueueUrl=queues["dead imports"], MessageBody=str(number), MessageAttributes=kind)
    sqs.send_message(
        QueueUrl=queues["dead sorted.fifo"], MessageBody="a1", MessageGroupId="a", MessageDeduplicationId="1"
    )

    told = json.loads(fastlambda("dlq", "imports", service, "--local", "--redrive", "--json").stdout)
    again = fastlambda("dlq", "sorted.fifo", service, "--local", "--redrive")

    assert (told["imports"]["redriven"], told["imports"]["waiting"]) == (12, 0)
    assert "1 sent to" in again.stdout
    messages = [*taken(sqs, queues["imports"]), *taken(sqs, queues["imports"])]
    assert sorted(int(message["Body"]) for message in messages) == list(range(12))
    assert {message["MessageAttributes"]["kind"]["StringValue"] for message in messages} == {"novel"}
    assert [message["Attributes"]["MessageGroupId"] for message in taken(sqs, queues["sorted.fifo"])] == ["a"]


def test_a_queue_without_a_dead_letter_queue_says_so(fastlambda, service, queues, sqs):
    sqs.set_queue_attributes(QueueUrl=queues["imports"], Attributes={"RedrivePolicy": ""})
    answer = fastlambda("dlq", "imports", service, "--local")
    assert answer.returncode == 6
    assert "has no dead-letter queue" in answer.stderr
