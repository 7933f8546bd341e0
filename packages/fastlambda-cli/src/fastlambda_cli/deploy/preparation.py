"""From a service to what its stack is to be, with nothing made yet that outlives the command.

What does not exist before the first deployment (the artifact bucket, generated secrets) has a stand-in here, so that
CloudFormation can work out what a deployment would change before anybody has agreed to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fastlambda_cli.aws.secrets import Secrets
from fastlambda_cli.aws.session import Aws
from fastlambda_cli.deploy.bootstrap import Bootstrap
from fastlambda_cli.deploy.checks import check_issuer, check_template
from fastlambda_cli.deploy.desired import Desired
from fastlambda_cli.deploy.localised import localised
from fastlambda_cli.deploy.model import Published, Step, Target, Tell
from fastlambda_cli.deploy.package import Package, built, package_of, parameters_of
from fastlambda_cli.service.generated_secrets import secret_name
from fastlambda_cli.template import render
from fastlambda_cli.template.parameters import generated_secrets, secret_parameter
from fastlambda_cli.template.stack import Stack as StackOfService

_NO_SUFFIX = "000000"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a deployment would bring about.

    Attributes:
        target: What is deployed.
        package: The artifact, on this machine.
        whole: The template as it is for AWS.
        desired: What the stack is to be; with stand-ins for what is missing.
        left_out: What the local cloud lacks: types by logical id.
        missing_bootstrap: Whether the account has no artifact bucket yet.
        missing_secrets: The names of secrets that have to be made or completed, as AWS calls them.

    """

    target: Target
    package: Package
    whole: Mapping[str, Any]
    desired: Desired
    left_out: Mapping[str, str]
    missing_bootstrap: bool
    missing_secrets: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether nothing in it is a stand-in."""
        return not self.missing_bootstrap and not self.missing_secrets


def prepare(target: Target, aws: Aws, bootstrap: Bootstrap | None, tell: Tell) -> Prepared:
    """Build the artifact and render the template.

    Args:
        target: What is to be deployed.
        aws: Where.
        bootstrap: The account's; None when there is none.
        tell: Is told what takes time.

    Raises:
        FastLambdaError: The service cannot be built or described, or its template is not sound.

    """
    check_issuer(target.service, aws)
    package = package_of(built(target, aws, tell))
    whole = render(target.service, stage=target.stage, runtime=target.runtime).document
    document, left_out = localised(whole) if aws.is_local else (whole, {})
    arns = _secret_arns(target, aws)
    missing = tuple(name for name, arn in arns.items() if arn is None)
    published = package.published(target.stack_name, aws, bootstrap)
    desired = Desired(
        stack_name=target.stack_name,
        document=document,
        parameters=_parameters(target, published, {name: arn or _stand_in(aws, name) for name, arn in arns.items()}),
        artifact=published,
        health=target.service.configuration.health,
        stands_in=target.stands_in,
    )
    check_template(document, desired.parameters)
    return Prepared(target, package, whole, desired, left_out, bootstrap is None, missing)


def completed(prepared: Prepared, aws: Aws, bootstrap: Bootstrap, tell: Tell) -> Desired:
    """Make the secrets that are missing, and return what the stack is to be without any stand-in.

    Raises:
        SecretError: A secret cannot be completed.
        AwsError: AWS refuses.

    """
    target = prepared.target
    secrets = Secrets(aws)
    specs = target.service.configuration.secrets
    arns = {}
    for name, called in _secret_names(target).items():
        if called in prepared.missing_secrets:
            tell(Step(f"Making the secret {called}"))
        arns[called] = secrets.ensure(called, specs[name].generate, target.service.configuration.tags)
    published = prepared.package.published(target.stack_name, aws, bootstrap)
    parameters = _parameters(target, published, arns)
    check_template(prepared.desired.document, parameters)
    return replace(prepared.desired, parameters=parameters, artifact=published)


def _secret_names(target: Target) -> dict[str, str]:
    """What AWS calls each generated secret, by its name in the configuration."""
    stack = StackOfService(target.service, target.stage, target.runtime)
    return {name: secret_name(stack.name, name) for name in generated_secrets(stack)}


def _secret_arns(target: Target, aws: Aws) -> dict[str, str | None]:
    """The ARN of every generated secret that has all its keys, None for the others, by what AWS calls it."""
    specs = target.service.configuration.secrets
    secrets = Secrets(aws)
    return {
        called: secrets.arn_if_complete(called, specs[name].generate) for name, called in _secret_names(target).items()
    }


def _stand_in(aws: Aws, secret: str) -> str:
    partition = aws.caller.split(":")[1]
    return f"arn:{partition}:secretsmanager:{aws.region}:{aws.account}:secret:{secret}-{_NO_SUFFIX}"


def _parameters(target: Target, published: Published, arns: Mapping[str, str]) -> dict[str, str]:
    return {
        **parameters_of(published),
        **{secret_parameter(name): arns[called] for name, called in _secret_names(target).items()},
    }
