"""The function may do what the service declares, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from yaml_documents import read_yaml

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.yaml"))

TAKE_NO_RESOURCE = {
    "cloudwatch:PutMetricData",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}


def statements_of(resources):
    """Every statement of every policy document, wherever it stands."""
    return list(_statements(resources))


def _statements(node):
    if isinstance(node, dict):
        if "Statement" in node:
            yield from node["Statement"]
        node = list(node.values())
    if isinstance(node, list):
        for below in node:
            yield from _statements(below)


def by_sid(resources):
    policies = resources["Role"]["Properties"]["Policies"]
    return {statement["Sid"]: statement for statement in statements_of(policies)}


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_no_statement_allows_an_action_by_wildcard(golden):
    found = statements_of(read_yaml(golden.read_text(encoding="utf-8")))
    assert len(found) >= 2  # the role's trust, and what it may do
    for statement in found:
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            assert "*" not in action
            assert "?" not in action
        assert "NotAction" not in statement
        assert "NotResource" not in statement


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_only_actions_that_take_no_resource_are_allowed_on_every_resource(golden):
    for statement in statements_of(read_yaml(golden.read_text(encoding="utf-8"))):
        if statement.get("Resource") == "*":
            assert set(statement["Action"]) <= TAKE_NO_RESOURCE


def test_a_service_that_declares_nothing_may_write_its_log_and_its_traces(resources):
    statements = by_sid(resources())
    assert set(statements) == {"Logs", "Traces"}
    assert statements["Logs"]["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert statements["Logs"]["Resource"] == {"Fn::GetAtt": ["FunctionLogs", "Arn"]}
    assert statements["Traces"]["Condition"] == {"StringEquals": {"aws:ResourceAccount": {"Ref": "AWS::AccountId"}}}


def test_a_function_that_is_not_traced_may_not_write_traces(resources):
    assert set(by_sid(resources("tracing = false"))) == {"Logs"}


def test_a_function_may_read_its_own_secrets_by_arn(resources):
    bank = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:bank-AbCdEf"
    statements = by_sid(resources(f'secrets.app.generate = ["key"]\nsecrets.bank.arn = "{bank}"'))
    assert statements["Secrets"]["Action"] == ["secretsmanager:GetSecretValue"]
    assert statements["Secrets"]["Resource"] == [{"Ref": "AppSecretArn"}, bank]


def test_lambda_may_attach_the_function_to_a_vpc_and_its_code_may_not(resources):
    vpc = 'vpc = { subnets = ["subnet-0123456789abcdef0"], security_groups = ["sg-0123456789abcdef0"] }'
    statements = by_sid(resources(vpc))
    allowed, denied = statements["Network"], statements["NetworkNotFromCode"]
    assert denied["Effect"] == "Deny"
    assert denied["Action"] == allowed["Action"]
    assert list(denied["Condition"]) == ["ArnEquals"]


def test_a_declared_permission_stands_as_it_was_written(resources):
    declared = 'permissions = [{ actions = ["s3:GetObject"], resources = ["arn:aws:s3:::shop/*"] }]'
    statement = by_sid(resources(declared))["Declared1"]
    assert statement["Action"] == ["s3:GetObject"]
    assert statement["Resource"] == ["arn:aws:s3:::shop/*"]


def test_a_declared_permission_may_name_the_stacks_own_account_and_region(resources):
    table = "arn:aws:dynamodb:${AWS::Region}:${AWS::AccountId}:table/orders"
    declared = f'permissions = [{{ actions = ["dynamodb:GetItem"], resources = ["{table}"] }}]'
    assert by_sid(resources(declared))["Declared1"]["Resource"] == [{"Fn::Sub": table}]


def test_a_declared_permission_may_have_conditions(resources):
    made = resources("""
[[tool.fastlambda.permissions]]
actions = ["cloudwatch:PutMetricData"]
resources = ["*"]
conditions.StringEquals."cloudwatch:namespace" = "Shop"
conditions."ForAnyValue:StringLike"."aws:TagKeys" = ["team", "stage"]
conditions.StringEquals."aws:ResourceAccount" = "${AWS::AccountId}"
""")
    assert by_sid(made)["Declared1"]["Condition"] == {
        "StringEquals": {
            "cloudwatch:namespace": ["Shop"],
            "aws:ResourceAccount": [{"Fn::Sub": "${AWS::AccountId}"}],
        },
        "ForAnyValue:StringLike": {"aws:TagKeys": ["team", "stage"]},
    }


def test_a_variable_of_iam_in_a_condition_is_iams_to_replace(resources):
    declared = (
        'permissions = [{ actions = ["s3:ListBucket"], resources = ["arn:aws:s3:::shop"], '
        'conditions.StringLike."s3:prefix" = "${aws:PrincipalTag/team}/*" }]'
    )
    assert by_sid(resources(declared))["Declared1"]["Condition"] == {
        "StringLike": {"s3:prefix": ["${aws:PrincipalTag/team}/*"]}
    }
    both = declared.replace("/*", "/${AWS::Region}/*")
    assert by_sid(resources(both))["Declared1"]["Condition"] == {
        "StringLike": {"s3:prefix": [{"Fn::Sub": "${!aws:PrincipalTag/team}/${AWS::Region}/*"}]}
    }


def test_only_this_api_may_invoke_the_function_and_only_its_alias(resources):
    permission = resources()["ApiPermission"]["Properties"]
    assert permission["FunctionName"] == {"Ref": "Alias"}
    assert permission["Principal"] == "apigateway.amazonaws.com"
    assert "${Api}/*/$default" in permission["SourceArn"]["Fn::Sub"]
