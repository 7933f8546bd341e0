"""The policies of docs/policies allow what a deployment does and what CloudFormation does for it, and nothing else.

What CloudFormation does for a resource type is said by its schema, which cfn-lint brings; what the commands call is
found in their source.
"""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.session import Session
from yaml_documents import read_yaml

import fastlambda_cli
from fastlambda_cli.deploy.bootstrap_template import bootstrap_template

ROOT = Path(__file__).parents[2]
SOURCES = Path(fastlambda_cli.__file__).parent
SCHEMAS = Path(find_spec("cfnlint").origin).parent / "data" / "schemas" / "resources"  # not imported: half a second
GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.yaml"))
POLICIES = ["deployer", "deployer-options", "bootstrap"]

MAX_CHARACTERS = 6144
"""Of a managed policy, white space aside (IAM User Guide, "IAM and AWS STS quotas")."""

NEVER_USED = re.compile(
    r"kms:|elasticfilesystem:|s3files:|firehose:|s3tables:|iam:.*(Attach|Detach|PermissionsBoundary)"
    r"|lambda:.*(CodeSigningConfig|CapacityProvider|LayerVersion|RuntimeAlias)"
    r"|lambda:Put(RuntimeManagementConfig|FunctionRecursionConfig|FunctionScalingConfig)"
    r"|logs:.*(KmsKey|IndexPolicy|DataProtectionPolicy|BearerToken|DeletionProtection|ResourcePolicy)"
    r"|sns:PutDataProtectionPolicy|codedeploy:RegisterOnPremises|application-autoscaling:.*ScheduledAction$"
    r"|s3:(REST|getObject$|GetObject|DeleteObject$)"
    r"|s3:.*(Analytics|Cors|CORS|Metadata|Metrics|Replication|Website|Accelerat|Abac|Acl$|Logging|Notification)"
    r"|s3:.*(ObjectLock|Inventory|Intelligent|DeleteBucketEncryption|DeleteBucketLifecycle)"
    r"|ecr:.*Replication"
    r"|kinesis:|s3:GetObjectMetadata|dynamodb:(DescribeImport|ImportTable|Scan|Query|.*Item$|.*TableReplica)"
    r"|dynamodb:(Update(ContinuousBackups|ContributorInsights)|(Put|Delete)ResourcePolicy)"
    r"|logs:(.*LogStreams?|PutLogEvents)$|dynamodb:(Enable|Disable|Update)KinesisStreamingDestination"
)
"""What the schemas name for properties that none of our templates has."""

NOT_SAID_BY_SCHEMAS = {
    # Access logs of an HTTP API (Amazon API Gateway Developer Guide, "Configure logging for HTTP APIs").
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    # Tags, which the schemas say in `tagging` or for other properties only.
    "apigateway:TagResource",
    "apigateway:UntagResource",
    "cloudformation:TagResource",
    "cloudformation:UntagResource",
    "secretsmanager:TagResource",
    # Drift (AWS CloudFormation User Guide, "Detect unmanaged configuration changes to stacks and resources").
    "cloudformation:BatchDescribeTypeConfigurations",
    "cloudformation:DetectStackResourceDrift",
    # CloudFormation gets the template and Lambda the artifact from the bucket for whoever calls.
    "s3:GetObjectVersion",
    # What a registry lets nobody do without (Amazon ECR User Guide, "IAM permissions for pushing an image").
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:GetAuthorizationToken",
    "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
    # A bucket policy and the bucket of the bootstrap are deleted by hand, when all is over.
    "s3:DeleteBucket",
}

S3_ACTIONS = {
    "HeadObject": ["GetObject"],
    "ListObjectsV2": ["ListBucket"],
    "ListObjectVersions": ["ListBucketVersions"],
    "DeleteObjects": ["DeleteObject", "DeleteObjectVersion"],
}
"""By operation (Amazon S3 User Guide, "Required permissions for Amazon S3 API operations")."""


def statements(*names):
    for name in names:
        policy = json.loads((ROOT / "docs" / "policies" / f"{name}.json").read_text(encoding="utf-8"))
        yield from policy["Statement"]


def allowed(*names):
    return {action for statement in statements(*names) for action in statement["Action"]}


def resource_types():
    return {
        resource["Type"]
        for golden in GOLDEN
        for resource in read_yaml(golden.read_text(encoding="utf-8"))["Resources"].values()
    }


def actions_of_cloudformation(types):
    """What CloudFormation does to make, read, change and delete resources of these types."""
    schemas = (json.loads(file.read_text(encoding="utf-8")) for file in SCHEMAS.glob("*.json"))
    handlers = {schema["typeName"]: schema["handlers"] for schema in schemas if schema.get("typeName") in types}
    assert handlers.keys() == types
    return {
        action
        for of_type in handlers.values()
        for kind, handler in of_type.items()
        if kind != "list"
        for action in handler["permissions"]
    }


def actions_of_commands():
    """What the commands themselves call, found where they do."""
    text = "".join(
        file.read_text(encoding="utf-8")
        for folder in ("aws", "deploy", "cli")
        for file in (SOURCES / folder).rglob("*.py")
    )
    called = set(re.findall(r"client(?:\([^)]*\))?\.([a-z_]+)\(", text))
    called |= set(re.findall(r'get_paginator\("([a-z0-9_]+)"\)', text))
    found = set()
    # Everybody may call GetCallerIdentity.
    services = set(re.findall(r'client\("([a-z0-9-]+)"\)', text)) - {"sts"}
    for service in services:
        operations = {xform_name(name): name for name in Session().get_service_model(service).operation_names}
        for operation in {operations[name] for name in called & operations.keys()}:
            prefix = {"Invoke": "InvokeFunction"}.get(operation, operation)
            found |= {f"{service}:{action}" for action in S3_ACTIONS.get(operation, [prefix])}
    # What the waiter for a published version calls.
    return found | {"lambda:GetFunctionConfiguration"}


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_fits_into_a_managed_policy_and_allows_no_action_by_wildcard(name):
    text = (ROOT / "docs" / "policies" / f"{name}.json").read_text(encoding="utf-8")
    assert len("".join(text.split())) <= MAX_CHARACTERS
    for statement in statements(name):
        assert not any("*" in action or "?" in action for action in statement["Action"])


@pytest.mark.slow
def test_the_deployer_may_do_what_cloudformation_does_for_every_resource_of_every_template():
    needed = {action for action in actions_of_cloudformation(resource_types()) if not NEVER_USED.match(action)}
    assert needed - allowed("deployer", "deployer-options") == set()


def test_the_deployer_may_do_what_the_commands_call():
    called = actions_of_commands()
    assert {"cloudformation:ExecuteChangeSet", "s3:PutObject", "lambda:InvokeFunction"} <= called
    assert called - allowed("deployer", "deployer-options") == set()


@pytest.mark.slow
def test_the_deployer_may_do_nothing_else():
    known = actions_of_cloudformation(resource_types()) | actions_of_commands() | NOT_SAID_BY_SCHEMAS
    assert allowed("deployer", "deployer-options") - known == set()


def test_who_bootstraps_may_do_what_that_takes_and_nothing_else():
    types = {resource["Type"] for resource in bootstrap_template()["Resources"].values()}
    needed = {action for action in actions_of_cloudformation(types) if not NEVER_USED.match(action)}
    assert needed - allowed("bootstrap") - {"iam:PassRole"} == set()
    known = actions_of_cloudformation(types) | actions_of_commands() | NOT_SAID_BY_SCHEMAS
    assert allowed("bootstrap") - known == set()


def test_what_is_named_after_the_service_is_allowed_by_that_name_alone():
    for statement in statements("deployer"):
        if statement["Resource"] != "*":
            assert all(
                "SERVICE-" in resource or "fastlambda-bootstrap" in resource or ":apigateway:" in resource
                for resource in statement["Resource"]
                if not resource.endswith(":alarm:*")
            )
