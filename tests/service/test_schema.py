"""The JSON Schema that editors use says what the configuration itself would say."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.configuration import parse_configuration
from fastlambda_cli.service.schema import json_schema

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "docs" / "fastlambda.schema.json"
SERVICES = [*sorted((ROOT / "tests/template/services").glob("*.toml")), ROOT / "examples/books/pyproject.toml"]


@pytest.fixture(scope="module")
def validator():
    jsonschema.Draft7Validator.check_schema(json_schema())
    return jsonschema.Draft7Validator(json_schema())


def test_the_published_schema_is_the_one_of_this_release():
    """After a change that is meant: fastlambda schema > docs/fastlambda.schema.json."""
    assert json.loads(PUBLISHED.read_text(encoding="utf-8")) == json_schema()


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_a_service_that_can_be_rendered_is_valid(validator, service):
    validator.validate(tomllib.loads(service.read_text(encoding="utf-8")))


def tables_of(schema):
    """Every table of the schema, the stages' apart, whose keys are the same."""
    if "properties" in schema:
        yield schema
    for key, below in schema.get("properties", {}).items():
        if key != "stages":
            yield from tables_of(below)
    for below in [*schema.get("patternProperties", {}).values(), *([schema["items"]] if "items" in schema else [])]:
        yield from tables_of(below)


def test_every_key_is_described_and_no_table_takes_others():
    table = json_schema()["properties"]["tool"]["properties"]["fastlambda"]
    tables = list(tables_of(table))
    assert len(tables) > 10
    for found in tables:
        assert found["additionalProperties"] is False
        assert all(key["description"] for key in found["properties"].values())


VALID = {
    "nothing": "",
    "a value in place of several": (
        'permissions = [{ actions = ["s3:GetObject"], resources = ["*"], conditions.StringEquals."s3:x" = "1" }]'
    ),
    "half a table in a stage, which completes another one": (
        "http.throttling = { rate = 5, burst = 5 }\nstages.prod.http.throttling.rate = 9"
    ),
    "an empty stage": "stages.prod = {}",
}


@pytest.mark.parametrize("lines", VALID.values(), ids=VALID)
def test_schema_and_configuration_both_take(validator, lines):
    document = tomllib.loads(f"[tool.fastlambda]\n{lines}")
    parse_configuration(document["tool"]["fastlambda"], Path("pyproject.toml"))
    validator.validate(document)


WRONG = {
    "an unknown key": "memroy = 512",
    "an unknown key in a table": "concurrency.provisioned = { min = 1, mxa = 2 }",
    "a number in quotes": 'memory = "512"',
    "a number out of range": "memory = 64",
    "a word that is none of the choices": 'rollout.type = "slow"',
    "a missing key": "http.throttling.rate = 5",
    "a wildcard among the actions": 'permissions = [{ actions = ["s3:*"], resources = ["*"] }]',
    "a name that is none": 'secrets."my secret".generate = ["a"]',
    "a health check that is no path": 'health = "health"',
    "an unknown key in a stage": "stages.prod.memroy = 512",
    "a number out of range in a stage": "stages.prod.memory = 64",
    "a key that no stage can replace": "stages.prod.local.concurrency = 2",
    "a stage with a bad name": "stages.Prod = {}",
    "an empty array": 'vpc = { subnets = [], security_groups = ["sg-0123456789abcdef0"] }',
}


@pytest.mark.parametrize("lines", WRONG.values(), ids=WRONG)
def test_schema_and_configuration_both_refuse(validator, lines):
    document = tomllib.loads(f"[tool.fastlambda]\n{lines}")
    with pytest.raises(ConfigurationError):
        parse_configuration(document["tool"]["fastlambda"], Path("pyproject.toml"))
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(document)
