"""A folder with a pyproject.toml becomes a service, or one clear line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.load import load_service
from fastlambda_cli.service.model import Service

MINIMAL = """
[project]
name = "shop"
dependencies = ["fastapi>=0.115"]
"""

Load = Callable[[str], Service]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a service that has a handler and this pyproject.toml."""

    def load(pyproject: str) -> Service:
        (tmp_path / "lambda_handler.py").write_text("handler = print\n", encoding="utf-8")
        (tmp_path / "pyproject.toml").write_text(pyproject, encoding="utf-8")
        return load_service(tmp_path)

    return load


def line_of(load: Load, pyproject: str) -> str:
    """The whole message a user would read."""
    with pytest.raises(ConfigurationError) as refused:
        load(pyproject)
    return f"{refused.value} -> {refused.value.remedy}"


def test_a_project_without_a_table_of_ours_is_a_service_with_defaults(load: Load, tmp_path: Path):
    service = load(MINIMAL)
    assert service.root == tmp_path.resolve()
    assert service.name == "shop"
    assert service.dependencies == ("fastapi>=0.115",)
    assert service.configuration.handler == "lambda_handler.handler"
    assert service.configuration.timeout == 30
    assert service.lock is None
    assert service.local_sources == {}


def test_the_table_overrides_the_projects_name_and_the_defaults(load: Load):
    service = load(
        MINIMAL
        + """
[tool.fastlambda]
name = "shop-api"
runtime = "python3.13"
memory = 1769
environment = { COLOUR = "blue" }
secrets.app.generate = ["jwt_secret"]
secrets.bank.arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:bank-AbCdEf"
local.concurrency = 3
"""
    )
    configuration = service.configuration
    assert service.name == "shop-api"
    assert (configuration.runtime, configuration.memory) == ("python3.13", 1769)
    assert configuration.environment == {"COLOUR": "blue"}
    assert configuration.secrets["app"].generate == ("jwt_secret",)
    assert configuration.secrets["bank"].arn == "arn:aws:secretsmanager:eu-west-1:123456789012:secret:bank-AbCdEf"
    assert configuration.local.concurrency == 3


def test_a_dot_in_the_projects_name_becomes_a_hyphen_because_lambda_takes_no_dots(load: Load):
    assert load('[project]\nname = "acme.shop"').name == "acme-shop"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="there is no such folder"):
        load_service(tmp_path / "nowhere")


def test_a_file_in_place_of_a_folder_is_said_to_be_one(tmp_path: Path):
    (tmp_path / "pyproject.toml").touch()
    with pytest.raises(ConfigurationError, match="it is a file"):
        load_service(tmp_path / "pyproject.toml")


def test_a_folder_without_a_pyproject_is_no_service(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"pyproject\.toml is missing") as refused:
        load_service(tmp_path)
    assert "uv init" in refused.value.remedy


def test_broken_toml_names_its_line(load: Load):
    assert "at line 3" in line_of(load, "[project]\nname = 'shop'\nmemory = = 3\n")


def test_a_file_that_is_not_utf8_names_its_line(tmp_path: Path):
    (tmp_path / "pyproject.toml").write_bytes(b'[project]\nname = "caf\xe9"\n')
    with pytest.raises(ConfigurationError, match="line 2 is not UTF-8"):
        load_service(tmp_path)


SAYS = {
    "an unknown key and its neighbour": (
        "memroy = 512",
        ["[tool.fastlambda] has no key memroy", "Did you mean memory?"],
    ),
    "an unknown key far from all": ("zzz = 1", ["has no key zzz", "The keys there are: name, handler, runtime"]),
    "an unknown nested key": (
        "local.concurency = 2",
        ["[tool.fastlambda.local] has no key concurency", "Did you mean concurrency?"],
    ),
    "an unknown key of a secret": (
        "secrets.app.genrate = ['a']",
        ["[tool.fastlambda.secrets.app] has no key genrate", "Did you mean generate?"],
    ),
    "a string for a number": ('memory = "1 GB"', ["fastlambda.memory must be an integer, got '1 GB' (a string)"]),
    "a boolean for a number": ("memory = true", ["must be an integer, got True (a boolean)"]),
    "a float for a number": ("timeout = 1.5", ["fastlambda.timeout must be an integer, got 1.5 (a float)"]),
    "a date for a string": ("handler = 2026-11-23", ["fastlambda.handler must be a string", "(a date)"]),
    "too little": ("memory = 64", ["must be 128 or more, got 64"]),
    "too much": ("timeout = 901", ["must be 900 or less, got 901"]),
    "a runtime Lambda has not": ('runtime = "python2.7"', ["must be 'python3.11', 'python3.12'", "got 'python2.7'"]),
    "a name Lambda refuses": ('name = "my shop"', ["must be 1 to 64 letters, digits, hyphens or underscores"]),
    "a handler without attribute": ('handler = "main"', ['such as "lambda_handler.handler"', "got 'main'"]),
    "a value for a table": ("secrets.app = 3", ["fastlambda.secrets.app must be a table, got 3"]),
    "a table for a value": ("timeout = { seconds = 3 }", ["timeout must be an integer, got a table"]),
    "a string for an array": ('secrets.app.generate = "a"', ["generate must be an array, got 'a'"]),
    "a number in an array": ("secrets.app.generate = ['a', 1]", ["generate[1] must be a string, got 1"]),
    "a secret of two origins": (
        "secrets.app = { arn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:bank-AbCdEf', generate = ['a'] }",
        ["secrets.app", "either an `arn`"],
    ),
    "a secret of no origin": ("secrets.app = {}", ["secrets.app", "either an `arn` or names to `generate`"]),
    "a variable of one letter": ("environment.A = 'a'", ["environment.A is no usable name", "two characters or more"]),
    "a bad name of a variable": ("environment.1ST = 'a'", ["environment.1ST is no usable name", "Rename it"]),
    "a variable that Lambda sets": ("environment.AWS_REGION = 'mars'", ["Lambda reserves this name for itself"]),
    "a Dockerfile for a zip": (
        "package.dockerfile = 'Dockerfile'",
        ["fastlambda.package: `dockerfile` is about images, and the package is a zip", 'Set `type` to "image"'],
    ),
    "a Dockerfile and a base": (
        "package = { type = 'image', dockerfile = 'Dockerfile', base = 'public.ecr.aws/lambda/python:3.13' }",
        ["a Dockerfile names its base itself", "Remove `base`"],
    ),
    "a Dockerfile by an absolute path": (
        "package = { type = 'image', dockerfile = '/Dockerfile' }",
        ["package.dockerfile must be a path from the folder of pyproject.toml"],
    ),
    "more variables than Lambda takes": (f"environment.AB = '{'x' * 4096}'", ["4,098 bytes", "Lambda takes 4,096"]),
}


@pytest.mark.parametrize(("line", "parts"), SAYS.values(), ids=SAYS)
def test_a_wrong_setting_is_named_with_what_was_expected(load: Load, line: str, parts: list[str]):
    text = line_of(load, f"{MINIMAL}\n[tool.fastlambda]\n{line}\n")
    assert "pyproject.toml" in text
    assert "\n" not in text
    for part in parts:
        assert part in text


def test_the_value_of_a_variable_is_never_repeated_in_an_error(load: Load):
    text = line_of(load, f"{MINIMAL}\n[tool.fastlambda]\nenvironment.PIN = 90210\n")
    assert "environment.PIN must be a string, got an integer" in text
    assert "90210" not in text


@pytest.mark.parametrize("pyproject", ["tool = 3", "[tool]\nfastlambda = 3", "project = 3"])
def test_a_value_where_a_table_belongs_is_an_error(load: Load, pyproject: str):
    assert "must be a table" in line_of(load, pyproject)


def test_a_service_needs_a_name_from_somewhere(load: Load):
    assert "the service has no name" in line_of(load, "[tool.fastlambda]\nmemory = 512")


def test_dynamic_dependencies_are_refused_because_nothing_could_be_locked(load: Load):
    text = line_of(load, '[project]\nname = "shop"\ndynamic = ["dependencies"]')
    assert "project.dependencies is dynamic" in text


def test_a_dependency_that_is_no_requirement_is_named_by_its_place(load: Load):
    text = line_of(load, '[project]\nname = "shop"\ndependencies = ["fastapi", "uvicorn >> 3"]')
    assert "project.dependencies[1] is no requirement" in text
    assert "'uvicorn >> 3'" in text
