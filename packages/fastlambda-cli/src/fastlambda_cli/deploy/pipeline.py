"""The two commands that begin with a service: what would be done, and doing it."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from functools import cached_property

from fastlambda_cli.aws.model import Stack
from fastlambda_cli.aws.session import Aws
from fastlambda_cli.deploy.artifact_change import artifact_change
from fastlambda_cli.deploy.bootstrap import Bootstrap, ensure_bootstrap, find_bootstrap
from fastlambda_cli.deploy.checks import check_artifact
from fastlambda_cli.deploy.cost import estimate
from fastlambda_cli.deploy.desired import Desired, Standing
from fastlambda_cli.deploy.engine import Engine
from fastlambda_cli.deploy.health import HealthCheck
from fastlambda_cli.deploy.interrupted import finalise_interrupted
from fastlambda_cli.deploy.model import Confirm, Outcome, Plan, Release, Step, Target, Tell
from fastlambda_cli.deploy.package import built
from fastlambda_cli.deploy.preparation import Prepared, completed, prepare
from fastlambda_cli.deploy.proposing import Proposal, discard, propose
from fastlambda_cli.deploy.recovery import rolled_back, settled
from fastlambda_cli.deploy.releasing import ask_again, release
from fastlambda_cli.template.parameters import generated_secrets
from fastlambda_cli.template.stack import Stack as StackOfService

_A_MONTH = 1_000_000


def plan(target: Target, aws: Aws, tell: Tell, *, requests_per_month: int = _A_MONTH) -> Plan:
    """Tell what a deployment would do, and leave nothing behind.

    What CloudFormation is doing to the stack is followed to its end first.

    Args:
        target: What would be deployed.
        aws: Where.
        tell: Is told what takes time.
        requests_per_month: For the estimate of the cost.

    Raises:
        FastLambdaError: The service cannot be built, or AWS or CloudFormation does not accept it.

    """
    engine = Engine.of(aws, tell)
    deployment = _Deployment(engine, target)
    proposal = deployment.propose(deployment.look())
    try:
        return deployment.plan(proposal, requests_per_month)
    finally:
        discard(engine.stacks, proposal)


def deploy(
    target: Target, aws: Aws, tell: Tell, *, confirm: Confirm, health: HealthCheck | None = None
) -> Outcome | None:
    """Bring a stage's stack to what its service describes.

    Args:
        target: What is deployed.
        aws: Where.
        tell: Is told what happens.
        confirm: Is asked once whether the plan is to be carried out; not when there is nothing to do.
        health: Asks what was deployed; by default Lambda and the API themselves are asked.

    Returns:
        How it ended; None when it was not confirmed, and then nothing was made or changed.

    Raises:
        StackError: CloudFormation could not do it. What was live still is.
        HealthCheckError: What was deployed does not answer. What was live is so again.
        OvertakenError: Somebody else has deployed meanwhile.
        FastLambdaError: The service cannot be built, or AWS refuses.

    """
    begun = time.monotonic()
    engine = Engine.of(aws, tell, health)
    deployment = _Deployment(engine, target)
    proposal = deployment.propose(deployment.recover())
    with contextlib.ExitStack() as undo:
        undo.callback(discard, engine.stacks, proposal)
        told = deployment.plan(proposal, _A_MONTH)
        if told.empty:
            outputs = proposal.before.stack.outputs if proposal.before else {}
            return Outcome(told, outputs, deployment.ask_again(proposal), time.monotonic() - begun)
        asked = time.monotonic()
        if not confirm(told):
            return None
        begun += time.monotonic() - asked  # how long somebody thinks about it is not how long it takes
        desired, bootstrap = deployment.publish()
        if desired == proposal.desired and not proposal.publishes:
            undo.pop_all()  # what was shown is what is executed
        else:
            proposal = replace(proposal, desired=desired, change_set=None)
    stack, recorded = release(engine, proposal, bootstrap)
    return Outcome(told, stack.outputs, recorded, time.monotonic() - begun)


@dataclass(frozen=True, slots=True)
class _Found:
    """A stack as it was seen, to which nothing was happening; both are None where there is none.

    Attributes:
        stack: The stack itself.
        standing: All that is needed to put it back; None besides when it serves nobody.

    """

    stack: Stack | None
    standing: Standing | None


class _Deployment:
    """One deployment of a service, up to the point where the stack itself changes."""

    def __init__(self, engine: Engine, target: Target) -> None:
        if engine.aws.is_local:
            # It may still be starting, and does not refuse anybody: on AWS that is found out before anything is built.
            target = replace(target, artifact=built(target, engine.aws, engine.tell))
        self._engine = engine
        self._target = target
        self._bootstrap = find_bootstrap(engine.stacks)
        self._prepared: Prepared = prepare(target, engine.aws, self._bootstrap, engine.tell)

    def look(self) -> _Found:
        """Look at the stack, once nothing happens to it, and change nothing."""
        stack = settled(self._engine.stacks, self._target.stack_name, self._engine.tell)
        return _Found(stack, self._engine.standing(stack))

    def recover(self) -> _Found:
        """Bring the stack to where it can be changed, and find out what became of what was interrupted."""
        engine = self._engine
        stack = engine.left_alone(self._bootstrap, self._target.stack_name)
        stack = rolled_back(engine.stacks, stack, engine.tell)
        standing = engine.standing(stack)
        if self._bootstrap is not None:
            releases = engine.releases(self._bootstrap, self._target.stack_name)
            finalise_interrupted(releases, standing, engine.tell)
        return _Found(stack, standing)

    def propose(self, found: _Found) -> Proposal:
        """Have CloudFormation say what would change."""
        engine = self._engine
        engine.tell(Step(f"Comparing with the stack {self._target.stack_name}"))
        traffic = engine.traffic(self._bootstrap)
        proposal = propose(traffic, self._prepared.desired, found.stack, found.standing)
        live = self._live
        if live is not None and proposal.only_unpins(live):
            # A deployment that failed was put back, and what was live before it is what is wanted now.
            discard(engine.stacks, proposal)
            return replace(proposal, change_set=None, changes=())
        return proposal

    def plan(self, proposal: Proposal, requests_per_month: int) -> Plan:
        """Tell everything about a proposal."""
        prepared, aws = self._prepared, self._engine.aws
        secrets = generated_secrets(StackOfService(self._target.service, self._target.stage, self._target.runtime))
        live = self._live
        return replace(
            proposal.plan(aws),
            artifact=artifact_change(prepared.desired.artifact, live.artifact if live else None),
            cost=estimate(prepared.whole, len(secrets), requests_per_month=requests_per_month),
            bootstrap=prepared.missing_bootstrap,
            new_secrets=prepared.missing_secrets,
            left_out=prepared.left_out,
        )

    def ask_again(self, proposal: Proposal) -> Release | None:
        """Ask a stack that stands as it is to be, where it did not answer when it was made; return what is live now."""
        if self._bootstrap is None or proposal.before is None:
            return None
        return ask_again(self._engine, proposal.desired, proposal.before, self._bootstrap)

    def publish(self) -> tuple[Desired, Bootstrap]:
        """Make what is missing, and put the artifact where CloudFormation reads it.

        Returns:
            What the stack is to be, with no stand-in left, and where its releases are recorded.

        """
        engine, prepared = self._engine, self._prepared
        bootstrap = ensure_bootstrap(engine.aws, engine.tell, engine.stacks)
        desired = completed(prepared, engine.aws, bootstrap, engine.tell)
        prepared.package.publish(desired.stack_name, engine.aws, bootstrap, engine.tell)
        check_artifact(engine.aws, desired.artifact)
        return desired, bootstrap

    @cached_property
    def _live(self) -> Release | None:
        # First asked for once the stack is settled: recovery may have found that another release is live.
        return self._engine.releases(self._bootstrap, self._target.stack_name).live() if self._bootstrap else None
