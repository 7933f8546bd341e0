"""The template on the local AWS, through boto3 as any tool would deploy it.

The emulator says less than CloudFormation about what is wrong with a template, which is cfn-lint's part; here it counts
versions.
"""

from __future__ import annotations

import json

import pytest
from stacks_by_hand import StackByHand

from fastlambda_cli.template import render
from local_aws import every

SHOP = """
[project]
name = "shop"
[tool.fastlambda]
runtime = "python3.13"
secrets.app.generate = ["jwt_secret", "db_password"]
alarms.email = "oncall@example.com"
concurrency.provisioned = { min = 1, max = 2 }
"""


class Deployed:
    """The stack of a stage."""

    def __init__(self, aws, load, stage):
        self.name = f"shop-{stage}"
        self.lambda_ = aws.client("lambda")
        self._stage, self._load = stage, load
        self._stack = StackByHand(aws, self.name)
        values = json.dumps({"jwt_secret": "a", "db_password": "b"})
        self._secret = aws.client("secretsmanager").create_secret(Name=f"{self.name}/app", SecretString=values)["ARN"]

    def create(self, code):
        self._stack.create(self._document(), code, AppSecretArn=self._secret)

    def update(self, code, lines="", **parameters):
        self._stack.update(self._document(lines), code, AppSecretArn=self._secret, **parameters)

    def delete(self):
        self._stack.delete()

    def live(self):
        return self.lambda_.get_alias(FunctionName=self.name, Name="live")["FunctionVersion"]

    def versions(self):
        found = self.lambda_.list_versions_by_function(FunctionName=self.name)["Versions"]
        return [version["Version"] for version in found if version["Version"] != "$LATEST"]

    def _document(self, lines=""):
        return render(self._load(SHOP + lines), stage=self._stage, runtime="python3.13").document


@pytest.fixture
def deployed(local_aws, load, unique):
    """Make a stack of a stage of its own, and delete it after the test."""
    stack = Deployed(local_aws, load, unique("t"))
    yield stack
    stack.delete()


def test_new_code_is_one_new_version_that_goes_live(deployed):
    deployed.create("handler = 1")
    assert deployed.live() == "1"
    deployed.update("handler = 2")
    assert (deployed.versions(), deployed.live()) == (["1", "2"], "2")


def test_a_new_setting_is_one_new_version_that_goes_live(deployed):
    deployed.create("handler = 1")
    deployed.update("handler = 1", "memory = 2048")
    assert (deployed.versions(), deployed.live()) == (["1", "2"], "2")
    configuration = deployed.lambda_.get_function_configuration(FunctionName=deployed.name, Qualifier="live")
    assert configuration["MemorySize"] == 2048


def test_what_a_version_does_not_hold_makes_none(deployed):
    deployed.create("handler = 1")
    deployed.update("handler = 1", "logs.retention = 90\nalarms.faults = 9")
    assert (deployed.versions(), deployed.live()) == (["1"], "1")


def test_going_back_to_earlier_code_and_settings_is_a_new_version_again(deployed):
    deployed.create("handler = 1")
    deployed.update("handler = 2", "memory = 2048")
    deployed.update("handler = 1")
    assert deployed.live() == "3"
    configuration = deployed.lambda_.get_function_configuration(FunctionName=deployed.name, Qualifier="live")
    assert configuration["MemorySize"] == 1024


def test_a_new_version_can_be_published_and_tried_before_traffic_moves_to_it(deployed):
    deployed.create("handler = 1")
    deployed.update("handler = 2", LiveVersion="1")
    assert (deployed.versions(), deployed.live()) == (["1", "2"], "1")
    deployed.update("handler = 2", LiveVersion="")
    assert (deployed.versions(), deployed.live()) == (["1", "2"], "2")


def test_a_version_that_proves_bad_never_goes_live(deployed):
    deployed.create("handler = 1")
    deployed.update("handler = 2", LiveVersion="1")
    deployed.update("handler = 1", LiveVersion="1")
    assert deployed.live() == "1"


def test_reserved_concurrency_is_what_the_template_says_as_long_as_it_says_anything(deployed):
    def reserved():
        return deployed.lambda_.get_function_concurrency(FunctionName=deployed.name).get("ReservedConcurrentExecutions")

    deployed.create("handler = 1")
    deployed.update("handler = 1", "concurrency.reserved = 5")
    assert (reserved(), deployed.versions()) == (5, ["1"])
    deployed.update("handler = 1")
    assert reserved() is None
    deployed.lambda_.put_function_concurrency(FunctionName=deployed.name, ReservedConcurrentExecutions=3)
    deployed.update("handler = 1", "logs.retention = 90")
    assert reserved() == 3


def test_two_stages_live_side_by_side_and_only_logs_outlive_one(local_aws, load, unique):
    blue, green = (Deployed(local_aws, load, unique(stage)) for stage in ("blue", "green"))
    blue.create("handler = 1")
    green.create("handler = 1")
    blue.update("handler = 2")
    assert (blue.live(), green.live()) == ("2", "1")
    blue.delete()
    green.delete()
    groups = {group["logGroupName"] for group in every(local_aws, "logs", "describe_log_groups", "logGroups")}
    assert {f"/aws/lambda/{blue.name}", f"/aws/vendedlogs/http-apis/{blue.name}"} <= groups
    functions = {function["FunctionName"] for function in every(local_aws, "lambda", "list_functions", "Functions")}
    assert functions.isdisjoint({blue.name, green.name})
