"""The execution role: what the service declares, action by action, and nothing else."""

from __future__ import annotations

import re
from typing import Any

from fastlambda_cli.service.deployment import PermissionSpec
from fastlambda_cli.template.events.permissions import event_statements
from fastlambda_cli.template.idempotency import idempotency_statements
from fastlambda_cli.template.intrinsics import Resources, arn, get_att, policy, ref, resource, statement, sub
from fastlambda_cli.template.logs import FUNCTION_LOGS
from fastlambda_cli.template.parameters import secret_arns
from fastlambda_cli.template.stack import FunctionOfStack

ROLE = "Role"

NETWORK_ACTIONS = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
]
"""What Lambda does in a VPC with the function's role (AWS managed policy AWSLambdaVPCAccessExecutionRole)."""


_IAM_VARIABLE = re.compile(r"\$\{(?!AWS::)")
"""The beginning of what IAM replaces, such as ${aws:PrincipalTag/team}, and Fn::Sub must not."""


def role_resources(function: FunctionOfStack) -> Resources:
    """The role that a function runs under."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {
        function.id(ROLE): resource(
            "AWS::IAM::Role",
            {
                "Description": f"What the function {function.name} may do.",
                "AssumeRolePolicyDocument": policy([trust]),
                # Inline, so that the role has its permissions before anything can run under it.
                "Policies": [{"PolicyName": "declared", "PolicyDocument": policy(_statements(function))}],
                "Tags": function.stack.tags,
            },
        )
    }


def _statements(function: FunctionOfStack) -> list[dict[str, Any]]:
    stack = function.stack
    configuration = stack.configuration
    logs = get_att(function.id(FUNCTION_LOGS), "Arn")
    statements = [statement("Logs", ["logs:CreateLogStream", "logs:PutLogEvents"], logs)]
    if configuration.tracing:
        # X-Ray has no resources to name; the condition is that of AWS's own policies, such as
        # CloudWatchLambdaApplicationSignalsExecutionRolePolicy.
        own_account = {"StringEquals": {"aws:ResourceAccount": ref("AWS::AccountId")}}
        actions = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
        statements.append(statement("Traces", actions, "*", Condition=own_account))
    secrets = list(secret_arns(stack).values())
    if secrets:
        statements.append(statement("Secrets", ["secretsmanager:GetSecretValue"], secrets))
    statements += event_statements(function)
    statements += idempotency_statements(function)
    if configuration.vpc is not None:
        statements += _network(function)
    statements += [_declared(number, spec) for number, spec in enumerate(configuration.permissions, start=1)]
    return statements


def _network(function: FunctionOfStack) -> list[dict[str, Any]]:
    # Lambda needs these to attach the function, the function's code does not (AWS Lambda Developer Guide, "Giving
    # Lambda functions access to resources in an Amazon VPC"); only code's calls carry lambda:SourceFunctionArn.
    from_code = {"ArnEquals": {"lambda:SourceFunctionArn": arn("lambda", f"function:{function.name}")}}
    return [
        statement("Network", NETWORK_ACTIONS, "*"),
        statement("NetworkNotFromCode", NETWORK_ACTIONS, "*", Effect="Deny", Condition=from_code),
    ]


def _declared(number: int, spec: PermissionSpec) -> dict[str, Any]:
    conditions = {
        operator: {key: _substituted(values) for key, values in tests.items()}
        for operator, tests in spec.conditions.items()
    }
    rest = {"Condition": conditions} if conditions else {}
    return statement(f"Declared{number}", list(spec.actions), _substituted(spec.resources), **rest)


def _substituted(values: tuple[str, ...]) -> list[Any]:
    return [sub(_IAM_VARIABLE.sub("${!", value)) if "${AWS::" in value else value for value in values]
