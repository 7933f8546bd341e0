"""What the template does not know and is told at every deployment: artifact, generated secrets, the version to keep."""

from __future__ import annotations

from typing import Any

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.variables import secret_variable
from fastlambda_cli.template.intrinsics import ref
from fastlambda_cli.template.stack import FunctionOfStack, Stack

BUCKET = "ArtifactBucket"
KEY = "ArtifactKey"
SHA256 = "ArtifactSha256"
IMAGE_URI = "ImageUri"
LIVE_VERSION = "LiveVersion"
PINNED = "Pinned"

_IMAGE_PATTERN = (
    r"^[0-9]{12}\.dkr[.-]ecr(-fips)?\.[a-z0-9-]+\.(amazonaws\.com(\.cn)?|on\.aws)/[a-z0-9._/-]+@sha256:[a-f0-9]{64}$"
)
_ARN_PATTERN = "^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret"


def parameters(stack: Stack) -> dict[str, dict[str, str]]:
    """Every parameter by logical id.

    Raises:
        ConfigurationError: Two secrets would be told by the same parameter.

    """
    return {
        **(_of_image() if stack.is_image else _of_zip()),
        **_of_secrets(stack),
        **{function.id(LIVE_VERSION): _of_version(function) for function in stack.functions},
    }


def image_digest() -> dict[str, Any]:
    """The image's digest, which is the end of its URI."""
    return {"Fn::Select": [1, {"Fn::Split": ["@", ref(IMAGE_URI)]}]}


def conditions(stack: Stack) -> dict[str, dict[str, Any]]:
    """Whether a function's alias stays where it is while a new version is published."""
    return {
        function.id(PINNED): {"Fn::Not": [{"Fn::Equals": [ref(function.id(LIVE_VERSION)), ""]}]}
        for function in stack.functions
    }


def generated_secrets(stack: Stack) -> list[str]:
    """The names of the secrets whose values are generated, in an order of their own."""
    return sorted(name for name, spec in stack.configuration.secrets.items() if spec.arn is None)


def secret_parameter(name: str) -> str:
    """The parameter that tells a generated secret's ARN."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_")) + "SecretArn"


def secret_arns(stack: Stack) -> dict[str, Any]:
    """The ARN of each secret, or the parameter that tells it, by the function's environment variable."""
    return {
        secret_variable(name, spec): spec.arn or ref(secret_parameter(name))
        for name, spec in stack.configuration.secrets.items()
    }


def secret_suffix(stack: Stack, name: str) -> dict[str, Any]:
    """The six characters by which a generated secret differs from one of the same name that was deleted."""
    return {"Fn::Select": [1, {"Fn::Split": [f":secret:{_secret_name(stack, name)}-", ref(secret_parameter(name))]}]}


def _of_version(function: FunctionOfStack) -> dict[str, str]:
    whose = "" if function.of.name is None else f" of {function.name}"
    return {
        "Type": "String",
        "Description": f"The version that the alias{whose} keeps; when it is empty, the alias moves to the new one.",
        "Default": "",
        "AllowedPattern": "^[0-9]*$",
        "ConstraintDescription": "It must be the number of a version of the function, or empty.",
    }


def _of_zip() -> dict[str, dict[str, str]]:
    return {
        BUCKET: {"Type": "String", "Description": "The S3 bucket that holds the zip, in the stack's Region."},
        KEY: {"Type": "String", "Description": "The zip's key in the bucket."},
        SHA256: {
            "Type": "String",
            "Description": "The zip's SHA-256 in base64; a new one makes a new version of the function.",
            "AllowedPattern": "^[A-Za-z0-9+/]{43}=$",
            "ConstraintDescription": "It must be 44 characters of base64: openssl dgst -sha256 -binary ZIP | base64",
        },
    }


def _of_image() -> dict[str, dict[str, str]]:
    return {
        IMAGE_URI: {
            "Type": "String",
            "Description": "The image in Amazon ECR, by its digest; a new one makes a new version of the function.",
            "AllowedPattern": _IMAGE_PATTERN,
            "ConstraintDescription": "It must be ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256:DIGEST.",
        },
    }


def _of_secrets(stack: Stack) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name in generated_secrets(stack):
        if secret_parameter(name) in found:
            raise ConfigurationError(
                f"The names of two secrets differ in nothing but case or underscores from {name}",
                why=f"both would be told by the parameter {secret_parameter(name)}",
                remedy="Rename one of them in [tool.fastlambda.secrets].",
            )
        secret = _secret_name(stack, name)
        keys = ", ".join(stack.configuration.secrets[name].generate)
        found[secret_parameter(name)] = {
            "Type": "String",
            "Description": f"The ARN of the secret {secret}, a JSON object with: {keys}.",
            # Nothing that a name may hold means anything in a pattern.
            "AllowedPattern": f"{_ARN_PATTERN}:{secret}-[A-Za-z0-9]{{6}}$",
            "ConstraintDescription": f"It must be the whole ARN of the secret {secret}.",
        }
    return found


def _secret_name(stack: Stack, name: str) -> str:
    return f"{stack.name}/{name}"
