"""docs/cli.md names every command, every option and every exit code, and none that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fastlambda_cli import errors
from fastlambda_cli.cli.app import COMMANDS
from fastlambda_cli.cli.lazy import ListedCommand
from fastlambda_cli.cli.signals import INTERRUPTED

TEXT = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
OPTION = re.compile(r"--[a-z][a-z-]+")


def options_of(command):
    parameters = ListedCommand(command).load().params
    return {option for parameter in parameters for option in parameter.opts if option.startswith("-")}


def test_every_command_has_a_row_and_a_section_in_the_order_of_the_help():
    names = [command.name for command in COMMANDS]
    assert re.findall(r"^\| \[`(\w+)`\]", TEXT, re.MULTILINE) == names
    assert [section for section in SECTIONS if section in names] == names


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_option_of_a_command_stands_in_its_section_and_no_other(command):
    assert set(OPTION.findall(SECTIONS[command.name])) == {
        name for name in options_of(command) if name.startswith("--")
    }


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_shared_options_mean_the_same_everywhere(command):
    rows = re.compile(r"^\| `(--[a-z-]+)`", re.MULTILINE)
    shared, own = (set(rows.findall(SECTIONS[section])) for section in ("What they share", command.name))
    assert shared & own <= {"--yes"}


def test_every_exit_code_of_an_error_is_explained():
    codes = {
        error.exit_code for error in vars(errors).values() if isinstance(error, type) and hasattr(error, "exit_code")
    }
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", SECTIONS["Exit codes"], re.MULTILINE)}
    assert documented == codes | {0, INTERRUPTED}
