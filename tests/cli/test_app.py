"""The command's list of commands, which is told without importing any of them."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import import_module

import pytest

from fastlambda_cli.cli.app import COMMANDS
from fastlambda_cli.cli.lazy import ListedCommand

IMPORTED_BY_HELP = """
import sys
from fastlambda_cli.cli.app import app
try:
    app(["--help"])
except SystemExit:
    pass
heavy = {"boto3", "botocore", "fastlambda_cli.service", "fastlambda_cli.deploy", "uvicorn", "pydantic", "tomlkit"}
print("imported:", *sorted(heavy & sys.modules.keys()))
"""


def test_help_lists_every_command_and_imports_none():
    shown = subprocess.run(
        [sys.executable, "-c", IMPORTED_BY_HELP], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert all(f" {command.name} " in shown for command in COMMANDS)
    assert shown.splitlines()[-1] == "imported:"


@pytest.mark.parametrize("listed", COMMANDS, ids=lambda listed: listed.name)
def test_a_commands_summary_in_the_list_is_the_first_sentence_of_its_own_help(listed):
    function = getattr(import_module(f"fastlambda_cli.cli.{listed.name}"), listed.name)
    assert inspect.getdoc(function).splitlines()[0] == listed.summary


@pytest.mark.parametrize("listed", COMMANDS, ids=lambda listed: listed.name)
def test_every_option_of_every_command_says_what_it_is_for(listed):
    assert all(parameter.help for parameter in ListedCommand(listed).load().params)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["build", "plan"])
def test_what_works_with_zips_imports_no_client_of_registries(command):
    code = f"import sys; import fastlambda_cli.cli.{command}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert not {"httpx", "tomlkit", "fastlambda_cli.artifact.image.registry"} & set(loaded.split())
    assert ("fastlambda_cli.deploy" in loaded.split()) is (command == "plan"), "a build deploys nothing"
