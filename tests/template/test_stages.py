"""A stage is the same service with some of its configuration replaced, and is checked whole."""

from __future__ import annotations

import pytest

from fastlambda_cli.errors import ConfigurationError

SHOP = """
[project]
name = "shop"
[tool.fastlambda]
memory = 512
environment = { COLOUR = "blue", SIZE = "10" }
secrets.app.generate = ["key"]
alarms = { email = "oncall@example.com", faults = 3 }

[tool.fastlambda.stages.prod]
memory = 2048
environment.SIZE = "20"
secrets.app.arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-AbCdEf"
alarms.topic = "arn:aws:sns:eu-west-1:123456789012:oncall"

[tool.fastlambda.stages.test]
"""


def test_a_stage_replaces_what_it_names_and_keeps_the_rest(load):
    configuration = load(SHOP, stage="prod").configuration
    assert configuration.memory == 2048
    assert configuration.environment == {"COLOUR": "blue", "SIZE": "20"}
    assert configuration.timeout == 30


def test_of_two_alternatives_the_stages_choice_counts(load):
    configuration = load(SHOP, stage="prod").configuration
    assert configuration.secrets["app"].generate == ()
    assert configuration.alarms is not None
    assert configuration.alarms.email is None
    assert configuration.alarms.faults == 3


@pytest.mark.parametrize("stage", ["test", "dev", None])
def test_a_stage_that_says_nothing_is_the_service_as_described(load, stage):
    assert load(SHOP, stage=stage).configuration.memory == 512


def test_a_service_without_stages_has_any(load):
    assert load('[project]\nname = "shop"', stage="blue").configuration.memory == 1024


def refusal(load, lines, stage=None):
    with pytest.raises(ConfigurationError) as refused:
        load(f'[project]\nname = "shop"\n[tool.fastlambda]\n{lines}', stage=stage)
    return f"{refused.value} -> {refused.value.remedy}"


SAYS = {
    "a stage that is not there": ("stages.prod = {}", "prd", ["has no stage prd", "declares: prod", "mean prod?"]),
    "a stage unlike all others": ("stages.prod = {}", "x", ["Add the table [tool.fastlambda.stages.x]"]),
    "no name for a stage": ("", "My Stage", ["'My Stage' is no name for a stage", "lower-case"]),
    "a table that is no name": ("stages.Prod = {}", None, ["stages.Prod is no usable name", "a letter first"]),
    "a stage that is no table": ("stages.prod = 3", None, ["stages.prod must be a table, got 3"]),
    "an unknown key in a stage": ("stages.prod.memroy = 1", None, ["[tool.fastlambda.stages.prod] has no key memroy"]),
    "a bad value in a stage": ("stages.prod.memory = 1", None, ["fastlambda.stages.prod.memory must be 128 or more"]),
    "stages in a stage": ("stages.prod.stages = {}", None, ["has no key stages", "Move it to [tool.fastlambda]"]),
    "what only dev reads": ("stages.prod.local.concurrency = 2", None, ["has no key local", "same for every stage"]),
    "a contradiction between a stage and the rest": (
        'snap_start = true\nruntime = "python3.13"\nstages.prod.ephemeral_storage = 1024',
        None,
        ["tool.fastlambda.stages.prod: SnapStart takes no more than 512 MB"],
    ),
    "a variable that Lambda sets": (
        "stages.prod.environment.AWS_REGION = 'mars'",
        None,
        ["fastlambda.stages.prod.environment.AWS_REGION cannot be set"],
    ),
}


@pytest.mark.parametrize(("lines", "stage", "parts"), SAYS.values(), ids=SAYS)
def test_a_wrong_stage_is_one_clear_line_even_for_who_asks_for_another(load, lines, stage, parts):
    text = refusal(load, lines, stage)
    assert "\n" not in text
    for part in parts:
        assert part in text
