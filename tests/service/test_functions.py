"""The functions of a service: read from what its consumers are declared with, and different by the configuration."""

from __future__ import annotations

import pytest

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.load import load_service
from fastlambda_cli.service.variables import function_variables

CODE = """
from fastlambda import EventRouter, FastLambda

events = EventRouter()


@events.sqs("imports", function="worker", idempotent="isbn")
def take(book): ...


@events.schedule("rate(1 hour)", function="night-shift")
def tidy(): ...


@events.sqs("stock")
def count(stock): ...


handler = FastLambda(print, events=events)
"""

SAYS = {
    "a function that nobody names": (
        "functions.workers.memory = 512",
        ["functions.workers is of no function", "night-shift, worker", "Did you mean worker?"],
    ),
    "a function like nobody's": (
        "functions.mailer.memory = 512",
        ["functions.mailer is of no function", 'Remove it, or declare a consumer with function="mailer".'],
    ),
    "a name that none can have": ("functions.Worker.memory = 512", ["functions.Worker is no usable name"]),
    "little memory": ("functions.worker.memory = 64", ["functions.worker.memory must be 128 or more"]),
    "a long timeout": ("functions.worker.timeout = 1000", ["functions.worker.timeout must be 900 or less"]),
    "a key of the service alone": (
        "functions.worker.http = {}",
        ["[tool.fastlambda.functions.worker] has no key http", "The keys there are: memory, timeout"],
    ),
    "provisioned concurrency that scales": (
        "functions.worker.concurrency.provisioned = { min = 1, max = 2 }",
        ["[tool.fastlambda.functions.worker.concurrency.provisioned] has no key max"],
    ),
    "more provisioned than reserved": (
        "functions.worker.concurrency = { reserved = 2, provisioned = { min = 3 } }",
        ["3 provisioned environments do not fit into 2 reserved ones"],
    ),
    "provisioned concurrency with SnapStart": (
        "runtime = 'python3.13'\nsnap_start = true\nfunctions.worker.concurrency.provisioned.min = 1",
        ["SnapStart and provisioned concurrency exclude each other"],
    ),
    "a number among its variables": (
        "functions.worker.environment.SIZE = 5",
        ["functions.worker.environment.SIZE must be a string, got an integer"],
    ),
    "a reserved variable": (
        "functions.worker.environment.AWS_REGION = 'eu-west-1'",
        ["functions.worker.environment.AWS_REGION cannot be set"],
    ),
    "too many variables together": (
        f"environment.A1 = '{'a' * 2048}'\nfunctions.worker.environment.B1 = '{'b' * 2048}'",
        ["functions.worker.environment holds 4,100 bytes"],
    ),
    "the variable of a secret": (
        "secrets.app.generate = ['key']\nfunctions.worker.environment.APP_SECRET_ARN = 'mine'",
        ["secrets.app has the variable of", "APP_SECRET_ARN can hold one value"],
    ),
}


@pytest.fixture
def load(tmp_path):
    def load(lines="", *, stage=None):
        (tmp_path / "lambda_handler.py").write_text(CODE, encoding="utf-8")
        project = f'[project]\nname = "shop"\n[tool.fastlambda]\n{lines}\n'
        (tmp_path / "pyproject.toml").write_text(project, encoding="utf-8")
        return load_service(tmp_path, stage=stage)

    return load


def test_a_function_has_what_is_declared_with_it_and_is_otherwise_like_the_one_that_answers_http(load):
    service = load("memory = 512\ntimeout = 20\nenvironment.POOL = '1'\nconcurrency.reserved = 50")
    api, night_shift, worker = service.functions
    assert [function.name for function in service.functions] == [None, "night-shift", "worker"]
    assert [[source.name for source in function.sources] for function in service.functions] == [
        ["stock"],
        ["tidy"],
        ["imports"],
    ]
    assert (worker.memory, worker.timeout, worker.environment) == (512, 20, {"POOL": "1"})
    assert (api.reserved, worker.reserved) == (50, None)  # a share of the account's is not given twice
    assert (worker.idempotent, api.idempotent, night_shift.idempotent) == (True, False, False)


def test_a_stage_replaces_what_is_different_of_a_function(load):
    lines = """
    environment = { POOL = "1", GREETING = "hello" }
    functions.worker = { memory = 2048, environment = { POOL = "10" } }
    stages.prod.functions.worker = { timeout = 900, concurrency = { reserved = 5 } }
    """
    worker = load(lines, stage="prod").functions[2]
    assert (worker.memory, worker.timeout, worker.reserved) == (2048, 900, 5)
    assert worker.environment == {"POOL": "10", "GREETING": "hello"}
    assert load(lines).functions[2].timeout == 30


def test_each_function_knows_the_sources_of_all(load):
    service = load("functions.worker.environment.POOL = '10'")
    *_, worker = service.functions
    variables = function_variables(service, "shop-dev", {}, environment=worker.environment)
    assert variables["POOL"] == "10"
    assert variables["FASTLAMBDA_EVENT_SOURCES"] == '{"sqs:imports":"shop-dev-imports","sqs:stock":"shop-dev-stock"}'
    assert "POOL" not in function_variables(service, "shop-dev", {})


@pytest.mark.parametrize(("lines", "parts"), SAYS.values(), ids=SAYS)
def test_a_wrong_function_is_one_clear_line(load, lines, parts):
    with pytest.raises(ConfigurationError) as refused:
        load(lines)
    text = f"{refused.value} -> {refused.value.remedy}"
    assert "\n" not in text
    for part in parts:
        assert part in text


def test_what_is_different_in_a_stage_has_to_be_of_a_function_too(load):
    with pytest.raises(ConfigurationError, match=r"functions\.workers is of no function"):
        load("stages.prod.functions.workers.memory = 512", stage="prod")


@pytest.mark.parametrize(
    ("lines", "stage"),
    [
        ("", "dev-worker"),
        ("", "b-night-shift"),
        ("stages.dev-worker = {}", None),
        ("stages.dev-worker = {}\nstages.prod = {}", "prod"),
        ("stages.prod = {}\nstages.prod-night-shift = {}", "prod"),
    ],
)
def test_a_function_of_one_stage_may_not_be_named_as_another_stage(load, lines, stage):
    with pytest.raises(ConfigurationError, match=r"(worker|night-shift).* would have one name on AWS") as refused:
        load(lines, stage=stage)
    assert ("declare the stages in" in str(refused.value.remedy)) is (stage == "b-night-shift")


@pytest.mark.parametrize(
    ("lines", "stage"),
    [("", "worker"), ("", "dev"), ("stages.a-worker = {}", "a-worker"), ("", None), ("", "dev-worker-b")],
)
def test_a_stage_that_only_sounds_like_a_function_may_be(load, lines, stage):
    assert load(lines, stage=stage).functions
