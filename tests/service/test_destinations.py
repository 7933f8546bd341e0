"""What a service publishes to is read from its code, which never runs, and from the configuration of its stage."""

from __future__ import annotations

import textwrap

import pytest

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.destinations import BusDestination, QueueDestination, TopicDestination
from fastlambda_cli.service.load import load_service
from fastlambda_cli.service.variables import destination_arns

QUEUE_ARN = "arn:aws:sqs:eu-west-1:123456789012:elsewhere"
TOPIC_ARN = "arn:aws:sns:eu-west-1:123456789012:elsewhere"
BUS_ARN = "arn:aws:events:eu-west-1:210987654321:event-bus/partner"
CONSUMED = "@events.sqs('imports')\ndef take(book): ...\n"


@pytest.fixture
def service(tmp_path):
    """Load a service whose one module has these lines between its router, in line 3, and its handler."""

    def service(lines, configuration="", *, handed="events=events"):
        code = (
            "from fastlambda import EventRouter, FastLambda\nevents = EventRouter()\n"
            f"{textwrap.dedent(lines)}\nhandler = FastLambda(print, {handed})\n"
        )
        (tmp_path / "lambda_handler.py").write_text(code, encoding="utf-8")
        (tmp_path / "pyproject.toml").write_text(
            f'[project]\nname = "shop"\n[tool.fastlambda]\n{configuration}\n', encoding="utf-8"
        )
        return load_service(tmp_path)

    return service


def test_queues_topics_and_buses_are_read_each_once_and_sorted(service):
    lines = """
        TOPIC = "prices"
        imports = events.queue("imports", Book)
        again = events.queue(name="imports", message=Book)
        prices: Topic[Price] = events.topic(TOPIC, list[Price])
        bus = events.bus(source="books")
        stock = events.bus("company", source="books.stock")
    """
    assert service(textwrap.dedent(lines) + CONSUMED).destinations == (
        BusDestination(name="company", source="books.stock"),
        BusDestination(name="default", source="books"),
        TopicDestination(name="prices"),
        QueueDestination(name="imports"),
    )


def test_what_exists_is_named_by_its_arn_or_by_the_stage(service):
    lines = f"""
        queue = events.queue("{QUEUE_ARN}", str)
        topic = events.topic("prices", str)
        bus = events.bus("{BUS_ARN}", source="books")
    """
    assert service(lines, f'events.sns.prices.arn = "{TOPIC_ARN}"').destinations == (
        BusDestination(name="partner", arn=BUS_ARN, source="books"),
        TopicDestination(name="prices", arn=TOPIC_ARN),
        QueueDestination(name="elsewhere", arn=QUEUE_ARN),
    )


def test_a_consumed_queue_that_a_stage_has_elsewhere_is_sent_to_there(service):
    found = service(f"imports = events.queue('imports', str)\n{CONSUMED}", f'events.sqs.imports.arn = "{QUEUE_ARN}"')
    assert found.destinations == (QueueDestination(name="imports", arn=QUEUE_ARN),)


def test_the_function_is_told_the_arns_of_all_it_publishes_to(service):
    lines = f"a = events.queue('{QUEUE_ARN}', str)\nb = events.topic('prices', str)\nc = events.bus(source='books')"
    found = service(lines)
    assert destination_arns(found, "shop-prod", lambda of, rest: f"arn:aws:{of}:r:1:{rest}") == (
        '{"eventbridge:default":"arn:aws:events:r:1:event-bus/default","sns:prices":"arn:aws:sns:r:1:shop-prod-prices",'
        f'"sqs:elsewhere":"{QUEUE_ARN}"}}'
    )


REFUSED = {
    "a queue that nothing consumes": (
        f"{CONSUMED}imports = events.queue('import', str)",
        ["lambda_handler.py:5", "the queue import", "consumes imports", "Did you mean imports?"],
    ),
    "a queue where nothing is consumed": (
        "a = events.queue('imports', str)",
        ["no queue", "name the queue by its ARN"],
    ),
    "a name that is worked out": ("a = events.topic('a' + 'b', str)", ["'a' + 'b'", "the arguments of topic(...)"]),
    "a publisher in a function": ("def f():\n    return events.topic('a', str)", [":4", "below the top level"]),
    "a publisher under a condition": ("if True:\n    a = events.topic('a', str)", [":4", "below the top level"]),
    "arguments from a mapping": ("a = events.bus(**{'source': 'a'})", ["from a mapping"]),
    "the name of a topic that is none": ("a = events.topic('a b', str)", ["name = 'a b'", "the name of a topic"]),
    "a source of AWS's own": ("a = events.bus(source='aws.books')", ["source = 'aws.books'", "aws. first"]),
    "a source that begins with a space": ("a = events.bus(source=' books')", ["neither a space nor aws. first"]),
    "a source that is empty": ("a = events.bus(source='')", ["1 to 256 characters"]),
    "a source that is too long": (f"a = events.bus(source='{'b' * 257}')", ["256 characters at the most"]),
    "a bus without a source": ("a = events.bus()", [":3 lacks source"]),
}


@pytest.mark.parametrize(("lines", "parts"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_published_to_is_one_clear_line(service, lines, parts):
    with pytest.raises(ConfigurationError) as refused:
        service(lines)
    text = f"{refused.value} -> {refused.value.remedy}"
    assert "\n" not in text
    for part in parts:
        assert part in text


@pytest.mark.parametrize("source", ["a", "aw", "aws", "awsome", "a.b", "fastapi-books", "b" * 256, "a" * 256])
def test_a_source_is_any_text_but_one_of_aws(service, source):
    assert service(f"bus = events.bus(source={source!r})").destinations == (
        BusDestination(name="default", source=source),
    )


def test_a_publisher_of_a_router_that_the_handler_does_not_get_is_refused(service):
    with pytest.raises(ConfigurationError, match="declares what is published to on the EventRouter lambda_handler"):
        service("topic = events.topic('prices', str)", handed="other=events")
