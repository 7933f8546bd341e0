"""`fastlambda dev` keeps the stack that `deploy` would make on AWS, with the folder's code behind its alias."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import httpx
import pytest
from access_keys import of_boto3
from botocore.config import Config
from dev_command import Dev, running
from no_tls import NO_TLS

from fastlambda_cli.deploy.health import request_event

LIVE = "fastapi-books-dev:live"


@pytest.fixture(scope="session")
def stack(dev: Dev) -> Dev:
    """A `dev` whose stack stands."""
    dev.wait_for(r"Stack fastapi-books-dev: made, \d+ resources")
    return dev


def client(dev: Dev, service: str):
    options = {"endpoint_url": dev.endpoint_url, "region_name": "us-east-1", "config": Config(proxies={})}
    return boto3.client(service, **options, **of_boto3(dev.keys))


def outputs(dev: Dev) -> dict[str, str]:
    (found,) = client(dev, "cloudformation").describe_stacks(StackName="fastapi-books-dev")["Stacks"]
    assert found["StackStatus"].endswith("_COMPLETE")
    return {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}


def test_the_stack_has_the_resources_that_it_has_on_aws(stack):
    resources = client(stack, "cloudformation").list_stack_resources(StackName="fastapi-books-dev")
    kinds = {summary["ResourceType"] for summary in resources["StackResourceSummaries"]}

    assert {"AWS::IAM::Role", "AWS::Lambda::Alias", "AWS::ApiGatewayV2::Api", "AWS::Logs::LogGroup"} <= kinds


def test_what_the_local_aws_lacks_is_left_out_and_said(stack):
    stack.wait_for(r"Left out of it, because the AWS on this machine lacks it: AWS::Logs::QueryDefinition \(4\)")


def test_the_stacks_own_api_is_answered_by_the_folders_code(stack):
    api = urlsplit(outputs(stack)["ApiUrl"])

    answer = httpx.get(
        f"http://127.0.0.1:{api.port}/api/v1/books", headers={"host": api.netloc}, verify=NO_TLS, trust_env=False
    )

    assert (answer.status_code, answer.json()["items"]) == (200, [])


def test_the_alias_reaches_the_folders_code(stack):
    event = json.dumps(request_event("/api/v1/books"))

    answer = client(stack, "lambda").invoke(FunctionName=LIVE, Payload=event)

    assert json.loads(answer["Payload"].read())["statusCode"] == 200


def test_the_function_has_the_secret_that_the_role_may_read(stack):
    variables = client(stack, "lambda").get_function_configuration(FunctionName="fastapi-books-dev")["Environment"]
    role = outputs(stack)["RoleArn"].rpartition("/")[2]
    policy = client(stack, "iam").get_role_policy(RoleName=role, PolicyName="declared")["PolicyDocument"]
    (secrets,) = [each for each in policy["Statement"] if each["Sid"] == "Secrets"]

    assert secrets["Resource"] == [variables["Variables"]["APP_SECRET_ARN"]]


@pytest.mark.slow
def test_a_saved_configuration_changes_the_stack_and_a_later_start_finds_it_as_it_is(plain):
    with running(plain) as dev:
        dev.wait_for(r"Stack plain-dev: made")
        seen = len(dev.output)
        _configure(plain, "memory = 1769")
        dev.wait_for(r"Stack plain-dev: .*change Function", after=seen)

        function = client(dev, "lambda").get_function_configuration(FunctionName="plain-dev:live")

        assert function["MemorySize"] == 1769
    with running(plain) as again:
        again.wait_for(r"INIT +environment 1 is up")
    # It ends only when the stack has been looked at.
    assert not [line for line in again.output if "Stack plain-dev" in line]


@pytest.mark.slow
def test_a_service_that_makes_no_stack_says_so_and_runs_on(plain):
    with running(plain) as dev:
        dev.wait_for(r"Stack plain-dev: made")
        _configure(plain, 'secrets.one_two.generate = ["key"]\nsecrets.oneTwo.generate = ["key"]')

        dev.wait_for(r"The stack of plain is not up to date\. .*differ in nothing but case or underscores")

        assert dev.client.get("/").status_code == 200


def _configure(service: Path, lines: str) -> None:
    project = service / "pyproject.toml"
    project.write_text(
        re.sub(r"^\[tool\.fastlambda\]$", f"[tool.fastlambda]\n{lines}", project.read_text(), flags=re.MULTILINE)
    )
