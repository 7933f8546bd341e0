"""Every AWS CLI command of the documentation is one that there is, with options that it has.

The AWS CLI makes its commands and options out of botocore's service models; what it adds by itself is named here.
"""

from __future__ import annotations

import itertools
import re
import shlex
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.session import Session

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ["deploy-by-hand.md", "template.md", "deployer-permissions.md"]

OF_THE_CLI = {"query", "output", "cli-binary-format", "profile", "region"}
"""Options of every command."""

CUSTOM = {
    ("ecr", "get-login-password"): set(),
    ("cloudformation", "deploy"): {
        "stack-name",
        "template-file",
        "capabilities",
        "parameter-overrides",
        "role-arn",
    },
    ("lambda", "create-function"): {"zip-file"},
}
"""Commands and options that the AWS CLI adds (AWS CLI Command Reference)."""


def commands_of(page):
    """The words of each command, those after `aws`; a block may hold several lines, continued ones and pipes."""
    text = (DOCS / page).read_text(encoding="utf-8")
    for block in re.findall(r"^```\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        joined = block.replace("\\\n", " ")
        for start in re.finditer(r"(?:^ *|[|(] ?)aws (?=[a-z0-9]+ [a-z])", joined, flags=re.MULTILINE):
            yield words_from(joined[start.end() :])


def words_from(text):
    """The words up to the end of the command, quotes observed, whatever the shell would put in."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars="|&;()\n")
    lexer.whitespace, lexer.whitespace_split = " \t", True
    return list(itertools.takewhile(lambda word: not set(word) <= set("|&;()\n"), lexer))


COMMANDS = [pytest.param(words, id=" ".join(words[:2])) for page in PAGES for words in commands_of(page)]


def test_the_pages_hold_every_command_of_a_deployment_by_hand():
    found = {(words[0], words[1]) for page in PAGES for words in commands_of(page)}
    assert found >= {
        ("iam", "create-role"),
        ("iam", "attach-role-policy"),
        ("iam", "put-role-policy"),
        ("ecr", "create-repository"),
        ("ecr", "get-login-password"),
        ("lambda", "create-function"),
        ("lambda", "put-provisioned-concurrency-config"),
        ("lambda", "add-permission"),
        ("apigatewayv2", "create-api"),
    }


@pytest.mark.parametrize("words", COMMANDS)
def test_the_command_exists_and_has_its_options(words):
    service, command, *rest = words
    options = {word[2:].partition("=")[0] for word in rest if word.startswith("--")} - OF_THE_CLI
    if service == "s3":
        pytest.skip("aws s3 has commands of its own")
    if (service, command) in CUSTOM and service != "lambda":
        assert options <= CUSTOM[service, command]
        return
    operation, known = command, set(CUSTOM.get((service, command), ()))
    if command == "wait":
        waiters = Session().get_waiter_model(service)
        name = next(name for name in waiters.waiter_names if xform_name(name, "-") == rest[0])
        operation = xform_name(waiters.get_waiter(name).operation, "-")
    model = Session().get_service_model(service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(operations[operation]).input_shape
    for member, of in shape.members.items():
        name = xform_name(member, "-")
        known |= {name, f"no-{name}"} if of.type_name == "boolean" else {name}
    assert options <= known
    if command != "wait":
        required = {xform_name(member, "-") for member in shape.required_members}
        assert required <= options | ({"code"} if "zip-file" in options else set())
