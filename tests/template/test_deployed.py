"""The template on the local AWS, through boto3 as any tool would deploy it.

The emulator says less than CloudFormation about what is wrong with a template, which is cfn-lint's part; here it counts
versions.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import boto3
import pytest

from fastlambda_cli.template import render

OWNER = Path(__file__).parents[1] / "local_aws" / "owner.py"

MISSING_IN_THE_EMULATOR = {
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::Logs::QueryDefinition",
}

SHOP = """
[project]
name = "shop"
[tool.fastlambda]
runtime = "python3.13"
secrets.app.generate = ["jwt_secret", "db_password"]
alarms.email = "oncall@example.com"
concurrency.provisioned = { min = 1, max = 2 }
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Make boto3 clients of a local AWS that runs as long as this module's tests."""
    command = [sys.executable, OWNER, tmp_path_factory.mktemp("aws")]
    with contextlib.ExitStack() as stack:
        owner = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        stack.callback(owner.terminate)
        assert owner.stdout is not None
        url = json.loads(owner.stdout.readline())["url"]

        def client(service):
            made = boto3.client(
                service,
                endpoint_url=url,
                region_name="us-east-1",
                aws_access_key_id="local",
                aws_secret_access_key="local",
            )
            stack.callback(made.close)
            return made

        client("s3").create_bucket(Bucket="artifacts")
        yield client


class Deployed:
    """A stack of the local AWS."""

    def __init__(self, client, load, stage):
        self.name = f"shop-{stage}"
        self._stage = stage
        self._load = load
        self._cloudformation, self._s3, self.lambda_ = map(client, ("cloudformation", "s3", "lambda"))
        values = json.dumps({"jwt_secret": "a", "db_password": "b"})
        self._secret = client("secretsmanager").create_secret(Name=f"{self.name}/app", SecretString=values)["ARN"]

    def create(self, code):
        self._cloudformation.create_stack(**self._request(SHOP, code))
        self._wait("stack_create_complete")

    def update(self, code, lines="", **parameters):
        self._cloudformation.update_stack(**self._request(SHOP + lines, code, parameters))
        self._wait("stack_update_complete")

    def delete(self):
        self._cloudformation.delete_stack(StackName=self.name)
        self._wait("stack_delete_complete")

    def live(self):
        return self.lambda_.get_alias(FunctionName=self.name, Name="live")["FunctionVersion"]

    def versions(self):
        found = self.lambda_.list_versions_by_function(FunctionName=self.name)["Versions"]
        return [version["Version"] for version in found if version["Version"] != "$LATEST"]

    def _request(self, pyproject, code, others=None):
        document = render(self._load(pyproject), stage=self._stage, runtime="python3.13").document
        kept = {
            name: resource
            for name, resource in document["Resources"].items()
            if resource["Type"] not in MISSING_IN_THE_EMULATOR
        }
        artifact = _zip(code)
        digest = hashlib.sha256(artifact)
        self._s3.put_object(Bucket="artifacts", Key=digest.hexdigest(), Body=artifact)
        parameters = {
            "ArtifactBucket": "artifacts",
            "ArtifactKey": digest.hexdigest(),
            "ArtifactSha256": base64.b64encode(digest.digest()).decode(),
            "AppSecretArn": self._secret,
            **(others or {}),
        }
        return {
            "StackName": self.name,
            "TemplateBody": json.dumps({**document, "Resources": kept}),
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            "Capabilities": ["CAPABILITY_IAM"],
        }

    def _wait(self, state):
        waiter = self._cloudformation.get_waiter(state)
        waiter.wait(StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})


def _zip(code):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr(zipfile.ZipInfo("lambda_handler.py"), code)
    return written.getvalue()


@pytest.fixture
def deployed(client, load, request):
    """Make a stack of a stage of its own, and delete it after the test."""
    stack = Deployed(client, load, f"t{zlib.crc32(request.node.name.encode()):x}")
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


def test_two_stages_live_side_by_side_and_only_logs_outlive_one(client, load):
    blue, green = (Deployed(client, load, stage) for stage in ("blue", "green"))
    blue.create("handler = 1")
    green.create("handler = 1")
    blue.update("handler = 2")
    assert (blue.live(), green.live()) == ("2", "1")
    blue.delete()
    green.delete()
    groups = {group["logGroupName"] for group in client("logs").describe_log_groups()["logGroups"]}
    assert {"/aws/lambda/shop-blue", "/aws/vendedlogs/http-apis/shop-blue"} <= groups
    functions = {function["FunctionName"] for function in client("lambda").list_functions()["Functions"]}
    assert functions.isdisjoint({"shop-blue", "shop-green"})
