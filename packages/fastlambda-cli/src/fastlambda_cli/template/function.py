"""A function, its published version, and the alias `live` on which all its traffic and scaling hang."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from fastlambda_cli.service.deployment import VpcSpec
from fastlambda_cli.service.variables import destination_arns, function_variables, lambda_log_level
from fastlambda_cli.template import parameters
from fastlambda_cli.template.intrinsics import KEPT, Resource, Resources, arn_text, choose, get_att, ref, resource, sub
from fastlambda_cli.template.logs import FUNCTION_LOGS
from fastlambda_cli.template.role import ROLE
from fastlambda_cli.template.stack import FunctionOfStack, Stack

FUNCTION = "Function"
ALIAS = "Alias"
LIVE = "live"
ROLLOUT_APPLICATION = "RolloutApplication"
ROLLOUT_GROUP = "RolloutGroup"

_NOT_VERSIONED = frozenset({"ReservedConcurrentExecutions", "Tags"})
"""Properties of the function itself, which its versions share."""

_PARTITION = re.compile(r'"arn:aws[a-z-]*:')


def function_resources(function: FunctionOfStack) -> Resources:
    """A function, a version of it, and its alias."""
    properties = _properties(function)
    version = function.id(_version_id(properties))
    return {
        function.id(FUNCTION): resource("AWS::Lambda::Function", properties),
        version: _version(function),
        function.id(ALIAS): _alias(function, version),
    }


def _properties(function: FunctionOfStack) -> dict[str, Any]:
    stack = function.stack
    configuration = stack.configuration
    return {
        "FunctionName": function.name,
        **_code(stack),
        "Role": get_att(function.id(ROLE), "Arn"),
        "MemorySize": function.of.memory,
        "Timeout": function.of.timeout,
        "EphemeralStorage": {"Size": configuration.ephemeral_storage},
        "Environment": {"Variables": _variables(function)},
        "LoggingConfig": {
            "LogFormat": "JSON",
            "LogGroup": ref(function.id(FUNCTION_LOGS)),
            "ApplicationLogLevel": lambda_log_level(configuration.log_level),
        },
        "TracingConfig": {"Mode": "Active" if configuration.tracing else "PassThrough"},
        "SnapStart": {"ApplyOn": "PublishedVersions"} if configuration.snap_start else None,
        "VpcConfig": _vpc(configuration.vpc) if configuration.vpc else None,
        "ReservedConcurrentExecutions": function.of.reserved,
        "Tags": stack.tags,
    }


def _code(stack: Stack) -> dict[str, Any]:
    """What runs, and on what processor; an image brings its interpreter, and names its handler itself."""
    architectures = [stack.configuration.architecture]
    if stack.is_image:
        return {
            "PackageType": "Image",
            "Architectures": architectures,
            "Code": {"ImageUri": ref(parameters.IMAGE_URI)},
        }
    return {
        "Runtime": stack.runtime,
        "Architectures": architectures,
        "Handler": stack.configuration.handler,
        "Code": {"S3Bucket": ref(parameters.BUCKET), "S3Key": ref(parameters.KEY)},
    }


def _variables(function: FunctionOfStack) -> dict[str, Any]:
    stack = function.stack
    destinations = destination_arns(stack.service, stack.name, arn_text)
    # What exists is in the stack's own partition: no call leads from one into another.
    own = sub(_PARTITION.sub('"arn:${AWS::Partition}:', destinations)) if destinations is not None else None
    return function_variables(stack.service, stack.name, parameters.secret_arns(stack), own, function.of.environment)


def _vpc(spec: VpcSpec) -> dict[str, list[str]]:
    # Sets to Lambda: their order must not make a new version.
    return {"SubnetIds": sorted(spec.subnets), "SecurityGroupIds": sorted(spec.security_groups)}


def _version_id(properties: Mapping[str, Any]) -> str:
    """A logical id that differs exactly when the configuration that a version freezes does.

    CloudFormation publishes no version when a function changes, but one for every new resource (AWS CloudFormation
    Template Reference, "AWS::Lambda::Version").
    """
    versioned = {key: value for key, value in properties.items() if key not in _NOT_VERSIONED}
    digest = hashlib.sha256(json.dumps(versioned, sort_keys=True).encode()).hexdigest()
    return f"Version{digest[:12]}"


def _version(function: FunctionOfStack) -> Resource:
    stack = function.stack
    # Both properties can only be set when a version is made, so a change of either makes a new one: CodeSha256 follows
    # the zip, and the description follows what only parameters know besides, the secrets' ARNs and the image's digest.
    suffixes = [parameters.secret_suffix(stack, name) for name in parameters.generated_secrets(stack)]
    words = ["Secrets:", *suffixes] if suffixes else []
    if stack.is_image:
        words = ["Image:", parameters.image_digest(), *words]
    properties = {
        "FunctionName": ref(function.id(FUNCTION)),
        "CodeSha256": None if stack.is_image else ref(parameters.SHA256),
        "Description": {"Fn::Join": [" ", words]} if words else None,
    }
    return resource("AWS::Lambda::Version", properties, **KEPT)


def _alias(function: FunctionOfStack, version: str) -> Resource:
    answers = function.of.name is None
    provisioned = function.of.provisioned
    kept = ref(function.id(parameters.LIVE_VERSION))
    by_code_deploy = {"ApplicationName": ref(ROLLOUT_APPLICATION), "DeploymentGroupName": ref(ROLLOUT_GROUP)}
    gradual = function.stack.configuration.rollout.type != "all-at-once"
    attributes: dict[str, Any]
    if answers:
        attributes = {"UpdatePolicy": {"CodeDeployLambdaAliasUpdate": by_code_deploy}} if gradual else {}
    else:
        # Where a rollout of the API ends badly, no event has met the new version.
        attributes = {"DependsOn": ALIAS}
    return resource(
        "AWS::Lambda::Alias",
        {
            "FunctionName": ref(function.id(FUNCTION)),
            "FunctionVersion": choose(function.id(parameters.PINNED), kept, get_att(version, "Version")),
            "Name": LIVE,
            "ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": provisioned} if provisioned else None,
        },
        **attributes,
    )
