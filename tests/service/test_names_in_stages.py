"""Two stages of a service never have one queue, topic, rule or bus between them."""

from __future__ import annotations

import pytest

from fastlambda_cli.errors import ConfigurationError

QUEUES = "@events.sqs('imports')\ndef f(x): ...\n@events.sqs('eu-imports')\ndef g(x): ..."
RULES = (
    "@events.eventbridge(source='a')\ndef made(x): ...\n"
    "@events.eventbridge(source='b', name='eu-made')\ndef other(x): ..."
)
SHARED = {
    "queues of two stages": (QUEUES, "stages.dev-eu = {}", None, "The queue eu-imports of the stage dev and the queue"),
    "a queue and one of a stage that may exist": (
        QUEUES,
        "",
        "prod-eu",
        "If there is no stage prod, declare the stages",
    ),
    "a queue and dead letters": (
        "@events.sqs('q')\ndef f(x): ...\n@events.sqs('eu-q-dead-letters')\ndef g(x): ...",
        "stages.dev-eu = {}",
        None,
        "The queue eu-q-dead-letters of the stage dev and the queue q-dead-letters of the stage dev-eu",
    ),
    "a queue and that of failed events": (
        "@events.sqs('eu-failed-events')\ndef f(x): ...\n@events.sns('t')\ndef g(x): ...",
        "stages.dev-eu = {}",
        None,
        "the queue failed-events of the stage dev-eu",
    ),
    "topics that are consumed, published to, and subscribed to": (
        "t = events.topic('eu-a', str)\n@events.sqs('q', topic='a')\ndef f(x): ...",
        "stages.dev-eu = {}",
        None,
        "both are called <service>-dev-eu-a",
    ),
    "rules": (
        RULES,
        "stages.dev-eu = {}",
        None,
        "The rule eu-made of the stage dev",
    ),
    "buses": (
        "a = events.bus('x', source='s')\nb = events.bus('eu-x', source='s')",
        "events.bus.x.own = true\nevents.bus.eu-x.own = true\nstages.dev-eu = {}",
        None,
        "The bus eu-x of the stage dev",
    ),
}


@pytest.mark.parametrize(("lines", "configuration", "stage", "said"), SHARED.values(), ids=SHARED)
def test_nothing_of_one_stage_may_be_named_as_something_of_another(events, lines, configuration, stage, said):
    with pytest.raises(ConfigurationError) as refused:
        events(lines, configuration, stage=stage)
    assert said in f"{refused.value} {refused.value.remedy}"


@pytest.mark.parametrize(
    ("lines", "configuration", "stage"),
    [
        (QUEUES, "", "dev"),
        (QUEUES, "stages.prod = {}\nstages.test-eu = {}", "prod"),
        (QUEUES.replace("'imports'", "'exports'"), "stages.dev-eu = {}", None),
        (RULES, "stages.dev-eu = {}\nevents.bus.default.own = true", None),
    ],
)
def test_names_that_only_look_alike_may_be(events, lines, configuration, stage):
    assert len(events(lines, configuration, stage=stage)) == 2
