"""A stack whose rollback failed: what put it there is told, and the next deployment goes on from there."""

from __future__ import annotations

import json

import pytest
from background import eventually

from fastlambda_cli.deploy.model import Remark
from fastlambda_cli.errors import StackError

CANNOT_BE_MADE = {
    "Type": "AWS::CloudFormation::WaitCondition",
    "DependsOn": "Function",
    "Properties": {"Handle": "none", "Timeout": "1", "Count": 0},
}


class Hands:
    """Somebody who changes the stack by hand, after the artifact that is live was deleted."""

    def __init__(self, shop):
        self.shop, self.s3, self.cloudformation = shop, shop.aws.client("s3"), shop.aws.client("cloudformation")
        stack = self.cloudformation.describe_stacks(StackName=shop.stack)["Stacks"][0]
        self.parameters = {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}
        self.live = {"Bucket": self.parameters["ArtifactBucket"], "Key": self.parameters["ArtifactKey"]}
        self.kept = self.s3.get_object(**self.live)["Body"].read()

    def delete_artifact(self):
        self.s3.delete_object(**self.live)

    def put_artifact_back(self):
        self.s3.put_object(**self.live, Body=self.kept)

    def update(self, key):
        """Update to another artifact, and to a resource that cannot be made once that is there."""
        document = self.cloudformation.get_template(StackName=self.shop.stack)["TemplateBody"]
        document["Resources"]["CannotBeMade"] = CANNOT_BE_MADE
        wanted = {**self.parameters, "ArtifactKey": key}
        self.cloudformation.update_stack(
            StackName=self.shop.stack,
            TemplateBody=json.dumps(document),
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in wanted.items()],
        )


@pytest.mark.slow
def test_a_rollback_that_failed_is_gone_on_with_once_what_it_needs_is_there_again(shop):
    shop.deploy()
    earlier = Hands(shop).live["Key"]
    shop.answer("two")
    shop.deploy()
    hands = Hands(shop)
    hands.delete_artifact()
    hands.update(earlier)
    eventually(lambda: shop.status() == "UPDATE_ROLLBACK_FAILED")
    assert shop.get() == "200 two"

    shop.answer("three")
    with pytest.raises(StackError, match="Failed to fetch code") as raised:
        shop.deploy()
    assert f"continue-update-rollback --stack-name {shop.stack} --resources-to-skip" in raised.value.remedy
    assert shop.get() == "200 two"

    hands.put_artifact_back()
    shop.told.clear()
    shop.deploy()
    assert (shop.status(), shop.get()) == ("UPDATE_COMPLETE", "200 three")
    told = [happening.text for happening in shop.told if isinstance(happening, Remark)]
    assert f"The stack {shop.stack} is UPDATE_ROLLBACK_FAILED: going on with its rollback." in told
