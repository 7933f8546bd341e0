"""What every command that changes a stack works with, and how it looks at the stack before it does."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastlambda_cli.aws.bucket import Bucket
from fastlambda_cli.aws.failures import code_of
from fastlambda_cli.aws.model import Stack
from fastlambda_cli.aws.session import Aws, translated
from fastlambda_cli.aws.stacks import Stacks
from fastlambda_cli.deploy.bootstrap import Bootstrap
from fastlambda_cli.deploy.desired import Standing, parsed
from fastlambda_cli.deploy.functions import functions_in
from fastlambda_cli.deploy.health import HealthCheck, LiveHealthCheck
from fastlambda_cli.deploy.model import Tell
from fastlambda_cli.deploy.recovery import remains
from fastlambda_cli.deploy.releases import Releases, template_key
from fastlambda_cli.deploy.traffic import Traffic
from fastlambda_cli.deploy.underway import QUIET_S, left_alone
from fastlambda_cli.errors import SharedTrafficError
from fastlambda_cli.template.function import LIVE


@dataclass(frozen=True, slots=True)
class Engine:
    """One account and Region, and whoever listens.

    Attributes:
        aws: The account and Region.
        tell: Is told what happens.
        health: Asks what was deployed.
        stacks: CloudFormation.

    """

    aws: Aws
    tell: Tell
    health: HealthCheck
    stacks: Stacks
    _releases: dict[str, Releases] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, aws: Aws, tell: Tell, health: HealthCheck | None = None) -> Engine:
        """Make the engine for an account and Region, with the real health check where no other is given."""
        return cls(aws, tell, health or LiveHealthCheck(aws), Stacks(aws))

    def traffic(self, bootstrap: Bootstrap | None) -> Traffic:
        """What moves traffic, with the bucket for templates that are too long for a request."""
        publish = functools.partial(_published, Bucket(self.aws, bootstrap.bucket)) if bootstrap else None
        return Traffic(self.stacks, self.health, publish, self.tell)

    def left_alone(self, bootstrap: Bootstrap | None, stack_name: str) -> Stack | None:
        """Wait until nobody is at work on a stack; return it, or None when there is none."""
        releases = self.releases(bootstrap, stack_name) if bootstrap is not None else None
        quiet = 0.0 if self.aws.is_local else QUIET_S
        return left_alone(self.stacks, stack_name, releases, self.tell, quiet=quiet)

    def standing(self, stack: Stack | None) -> Standing | None:
        """A stack with all that is needed to put it back; None when it serves nobody.

        Raises:
            SharedTrafficError: Not one version has all its traffic, so that there is no one to go back to.

        """
        if stack is None or stack.only_planned or remains(stack):
            return None
        template = self.stacks.template(stack.id)
        return Standing(stack, template, live_versions(self.aws, parsed(template), stack.name))

    def releases(self, bootstrap: Bootstrap, stack_name: str) -> Releases:
        """The releases of a stack."""
        if stack_name not in self._releases:  # it remembers what it has read
            self._releases[stack_name] = Releases(Bucket(self.aws, bootstrap.bucket), stack_name, self.aws)
        return self._releases[stack_name]


def live_versions(aws: Aws, document: Mapping[str, Any], stack_name: str) -> dict[str, str | None]:
    """The version behind the alias of each function of a template, by their names, that of the API's first.

    Raises:
        SharedTrafficError: Another version has a share of an alias's traffic.

    """
    return {function.name: live_version(aws, function.name) for function in functions_in(document, stack_name)}


def live_version(aws: Aws, function: str) -> str | None:
    """The version behind the alias `live`, by Lambda's word; None when there is no such function or alias.

    Raises:
        SharedTrafficError: Another version has a share of the alias's traffic.

    """
    from botocore.exceptions import ClientError  # noqa: PLC0415

    with translated(f"look at the alias {LIVE} of {function}"):
        try:
            alias = aws.client("lambda").get_alias(FunctionName=function, Name=LIVE)
        except ClientError as problem:
            if code_of(problem) == "ResourceNotFoundException":
                return None
            raise
    version = alias["FunctionVersion"]
    if shares := alias.get("RoutingConfig", {}).get("AdditionalVersionWeights"):
        raise _shared(function, version, shares)
    return version


def _published(bucket: Bucket, template: str) -> str:
    key = template_key(template)
    bucket.create(key, template.encode())
    return bucket.url(key)


def _shared(function: str, version: str, shares: Mapping[str, float]) -> SharedTrafficError:
    others = ", ".join(f"version {other} gets {share:.0%}" for other, share in shares.items())
    return SharedTrafficError(
        f"The traffic of {function} is shared between versions",
        why=f"{others} of what the alias {LIVE} gets, which somebody has set by hand",
        remedy=f"Version {version} has all of it again once `aws lambda update-alias --function-name {function} "
        f"--name {LIVE} --routing-config AdditionalVersionWeights={{}}` has run; another one with --function-version.",
    )
