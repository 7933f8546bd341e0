"""What every command that changes a stack works with, and how it looks at the stack before it does."""

from __future__ import annotations

from dataclasses import dataclass

from fastlambda_cli.aws.bucket import Bucket
from fastlambda_cli.aws.failures import code_of
from fastlambda_cli.aws.model import Stack
from fastlambda_cli.aws.session import Aws, translated
from fastlambda_cli.aws.stacks import Stacks
from fastlambda_cli.deploy.bootstrap import Bootstrap
from fastlambda_cli.deploy.desired import Standing
from fastlambda_cli.deploy.health import HealthCheck, LiveHealthCheck
from fastlambda_cli.deploy.model import Tell
from fastlambda_cli.deploy.recovery import remains
from fastlambda_cli.deploy.releases import Releases, template_key
from fastlambda_cli.deploy.traffic import Traffic
from fastlambda_cli.deploy.underway import QUIET_S, left_alone
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

    @classmethod
    def of(cls, aws: Aws, tell: Tell, health: HealthCheck | None = None) -> Engine:
        """Make the engine for an account and Region, with the real health check where no other is given."""
        return cls(aws, tell, health or LiveHealthCheck(aws), Stacks(aws))

    def traffic(self, bootstrap: Bootstrap | None) -> Traffic:
        """What moves traffic, with the bucket for templates that are too long for a request."""
        return Traffic(self.stacks, self.health, lambda template: self._published(template, bootstrap), self.tell)

    def left_alone(self, bootstrap: Bootstrap | None, stack_name: str) -> Stack | None:
        """Wait until nobody is at work on a stack; return it, or None when there is none."""
        releases = self.releases(bootstrap, stack_name) if bootstrap is not None else None
        quiet = 0.0 if self.aws.is_local else QUIET_S
        return left_alone(self.stacks, stack_name, releases, self.tell, quiet=quiet)

    def standing(self, stack: Stack | None) -> Standing | None:
        """A stack with all that is needed to put it back; None when it serves nobody."""
        if stack is None or stack.only_planned or remains(stack):
            return None
        return Standing(stack, self.stacks.template(stack.id), live_version(self.aws, stack.name))

    def releases(self, bootstrap: Bootstrap, stack_name: str) -> Releases:
        """The releases of a stack."""
        return Releases(Bucket(self.aws, bootstrap.bucket), stack_name, self.aws)

    def _published(self, template: str, bootstrap: Bootstrap | None) -> str | None:
        if bootstrap is None:
            return None
        bucket = Bucket(self.aws, bootstrap.bucket)
        key = template_key(template)
        bucket.create(key, template.encode())
        return bucket.url(key)


def live_version(aws: Aws, function: str) -> str | None:
    """The version behind the alias `live`, by Lambda's word; None when there is no such function or alias."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    with translated(f"look at the alias {LIVE} of {function}"):
        try:
            return aws.client("lambda").get_alias(FunctionName=function, Name=LIVE)["FunctionVersion"]
        except ClientError as problem:
            if code_of(problem) == "ResourceNotFoundException":
                return None
            raise
