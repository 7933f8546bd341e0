"""Provisioned concurrency that follows its use, by Application Auto Scaling on the alias."""

from __future__ import annotations

from fastlambda_cli.template.function import ALIAS, LIVE
from fastlambda_cli.template.intrinsics import Resources, ref, resource
from fastlambda_cli.template.stack import Stack


def scaling_resources(stack: Stack) -> Resources:
    """A scalable target and its policy; nothing when the number is fixed."""
    provisioned = stack.configuration.concurrency.provisioned
    if provisioned is None or provisioned.max is None:
        return {}
    return {
        "ScalableTarget": resource(
            "AWS::ApplicationAutoScaling::ScalableTarget",
            {
                "ServiceNamespace": "lambda",
                "ScalableDimension": "lambda:function:ProvisionedConcurrency",
                "ResourceId": f"function:{stack.name}:{LIVE}",
                "MinCapacity": provisioned.min,
                "MaxCapacity": provisioned.max,
                "Tags": stack.tags,
            },
            # The id is a plain text that refers to nothing, so the order has to be said.
            DependsOn=ALIAS,
        ),
        "ScalingPolicy": resource(
            "AWS::ApplicationAutoScaling::ScalingPolicy",
            {
                "PolicyName": stack.name,
                "PolicyType": "TargetTrackingScaling",
                "ScalingTargetId": ref("ScalableTarget"),
                "TargetTrackingScalingPolicyConfiguration": {
                    "TargetValue": provisioned.target,
                    "PredefinedMetricSpecification": {
                        "PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"
                    },
                },
            },
        ),
    }
