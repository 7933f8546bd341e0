"""Canary and linear rollouts: CodeDeploy moves the alias, share by share, and back when alarms ring."""

from __future__ import annotations

from typing import Any

from fastlambda_cli.service.deployment import RolloutSpec
from fastlambda_cli.template.alarms import ALIAS_DIMENSIONS, API_DIMENSIONS, dimensions
from fastlambda_cli.template.function import LIVE, ROLLOUT_APPLICATION, ROLLOUT_GROUP
from fastlambda_cli.template.intrinsics import Resource, Resources, arn, get_att, policy, ref, resource, statement
from fastlambda_cli.template.stack import Stack

ALARMS = {
    "RolloutFaultsAlarm": ("rollout-faults", "AWS/ApiGateway", "5xx", API_DIMENSIONS),
    "RolloutErrorsAlarm": ("rollout-errors", "AWS/Lambda", "Errors", ALIAS_DIMENSIONS),
}
"""What ends a rollout, by logical id: the alarm's name, its metric and the dimensions.

Both are needed: an exception in the app is an answer of 500 and a successful invocation, and an event that fails is no
answer of the HTTP API.
"""


def rollout_resources(stack: Stack) -> Resources:
    """What CodeDeploy needs to move the alias; nothing when it moves at once."""
    spec = stack.configuration.rollout
    if spec.type == "all-at-once":
        return {}
    return {
        "RolloutRole": _role(stack),
        ROLLOUT_APPLICATION: resource(
            "AWS::CodeDeploy::Application",
            {"ApplicationName": stack.name, "ComputePlatform": "Lambda", "Tags": stack.tags},
        ),
        "RolloutConfig": resource(
            # Without a name, since any change makes another one in its place.
            "AWS::CodeDeploy::DeploymentConfig",
            {"ComputePlatform": "Lambda", "TrafficRoutingConfig": _routing(spec)},
        ),
        ROLLOUT_GROUP: _group(stack),
        **{logical_id: _alarm(stack, logical_id) for logical_id in ALARMS},
    }


def _routing(spec: RolloutSpec) -> dict[str, Any]:
    if spec.type == "canary":
        shares = {"CanaryPercentage": spec.percent, "CanaryInterval": spec.minutes}
        return {"Type": "TimeBasedCanary", "TimeBasedCanary": shares}
    steps = {"LinearPercentage": spec.percent, "LinearInterval": spec.minutes}
    return {"Type": "TimeBasedLinear", "TimeBasedLinear": steps}


def _role(stack: Stack) -> Resource:
    # AWS CodeDeploy User Guide, "Cross-service confused deputy prevention".
    own_group = {
        "StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")},
        "ArnEquals": {"aws:SourceArn": arn("codedeploy", f"deploymentgroup:{stack.name}/{LIVE}")},
    }
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "codedeploy.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": own_group,
    }
    # What AWS's own AWSCodeDeployRoleForLambdaLimited allows on every function, without its hooks and its revisions in
    # S3: CloudFormation hands the revision over in its call.
    alias = ["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"]
    statements = [
        statement("Alias", alias, [arn("lambda", f"function:{stack.name}"), arn("lambda", f"function:{stack.name}:*")]),
        statement("Alarms", ["cloudwatch:DescribeAlarms"], arn("cloudwatch", "alarm:*")),
    ]
    return resource(
        "AWS::IAM::Role",
        {
            "Description": f"How CodeDeploy moves the traffic of {stack.name}.",
            "AssumeRolePolicyDocument": policy([trust]),
            "Policies": [{"PolicyName": "rollout", "PolicyDocument": policy(statements)}],
            "Tags": stack.tags,
        },
    )


def _group(stack: Stack) -> Resource:
    return resource(
        "AWS::CodeDeploy::DeploymentGroup",
        {
            "ApplicationName": ref(ROLLOUT_APPLICATION),
            "DeploymentGroupName": LIVE,
            "ServiceRoleArn": get_att("RolloutRole", "Arn"),
            "DeploymentConfigName": ref("RolloutConfig"),
            "DeploymentStyle": {"DeploymentType": "BLUE_GREEN", "DeploymentOption": "WITH_TRAFFIC_CONTROL"},
            "AlarmConfiguration": {"Enabled": True, "Alarms": [{"Name": ref(alarm)} for alarm in ALARMS]},
            "AutoRollbackConfiguration": {
                "Enabled": True,
                "Events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"],
            },
            "Tags": stack.tags,
        },
    )


def _alarm(stack: Stack, logical_id: str) -> Resource:
    name, namespace, metric, of = ALARMS[logical_id]
    return resource(
        "AWS::CloudWatch::Alarm",
        {
            "AlarmName": f"{stack.name}-{name}",
            "AlarmDescription": "Ends a rollout: traffic goes back to the version before.",
            "Namespace": namespace,
            "MetricName": metric,
            "Dimensions": dimensions(of),
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": stack.configuration.rollout.faults,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
            "Tags": stack.tags,
        },
    )
