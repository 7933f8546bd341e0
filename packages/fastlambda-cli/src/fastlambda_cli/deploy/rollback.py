"""Back to an earlier release: its template, its parameters and its artifact, with nothing built."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace

from fastlambda_cli.aws.session import Aws
from fastlambda_cli.deploy.artifact_change import artifact_change
from fastlambda_cli.deploy.bootstrap import Bootstrap, find_bootstrap
from fastlambda_cli.deploy.checks import check_artifact, check_template
from fastlambda_cli.deploy.desired import Desired, health_path, parsed
from fastlambda_cli.deploy.engine import Engine
from fastlambda_cli.deploy.health import HealthCheck
from fastlambda_cli.deploy.interrupted import finalise_interrupted
from fastlambda_cli.deploy.model import Confirm, Outcome, Plan, Release, ReleaseStatus, Step, Tell
from fastlambda_cli.deploy.owner import check_owner
from fastlambda_cli.deploy.proposing import Proposal, discard, propose
from fastlambda_cli.deploy.recovery import rolled_back
from fastlambda_cli.deploy.releases import Releases
from fastlambda_cli.deploy.releasing import release
from fastlambda_cli.errors import NoSuchReleaseError


def rollback(
    aws: Aws,
    stack_name: str,
    tell: Tell,
    *,
    to: int | None,
    confirm: Confirm,
    health: HealthCheck | None = None,
    owner: str | None = None,
) -> Outcome | None:
    """Deploy an earlier release again: as a release of its own, with a new version, by the same way as any other.

    Args:
        aws: Where.
        stack_name: The stack.
        tell: Is told what happens.
        to: The number of the release; None for the one that was live before this one.
        confirm: Is asked once whether the plan is to be carried out.
        health: Asks what was deployed; by default Lambda and the API themselves are asked.
        owner: What the stack has to say that it is (`Target.described`); None for any.

    Returns:
        How it ended; None when it was not confirmed, and then nothing was changed.

    Raises:
        NoSuchReleaseError: There is no such release, or it was never live.
        SharedTrafficError: Somebody has given another version a share of the traffic.
        StackError: CloudFormation could not do it, or stack or release are another service's. What was live still is.
        HealthCheckError: The earlier release does not answer any more. What was live is so again.
        AwsError: AWS refuses.

    """
    begun = time.monotonic()
    engine = Engine.of(aws, tell, health)
    bootstrap, releases = _recorded(engine, stack_name)
    stack = rolled_back(engine.stacks, engine.left_alone(bootstrap, stack_name), tell)
    before = engine.standing(stack)
    if before is not None and owner is not None:
        check_owner(f"The stack {stack_name}", before.document, owner)
    finalise_interrupted(releases, before, tell)
    chosen = releases.get(to) if to is not None else _before_live(releases, stack_name)
    _check_was_live(chosen, stack_name)
    tell(Step(f"Comparing with release {chosen.number}"))
    desired = _desired(stack_name, chosen, releases)
    if owner is not None:
        check_owner(f"Release {chosen.number} of {stack_name}", desired.document, owner)
    check_template(desired.document, desired.parameters)
    check_artifact(aws, desired.artifact)
    proposal = propose(engine.traffic(bootstrap), desired, stack, before)
    with contextlib.ExitStack() as undo:
        undo.callback(discard, engine.stacks, proposal)
        told = _plan(proposal, aws, releases)
        if told.empty:
            return Outcome(told, stack.outputs if stack else {}, None, time.monotonic() - begun)
        asked = time.monotonic()
        if not confirm(told):
            return None
        begun += time.monotonic() - asked  # how long somebody thinks about it is not how long it takes
        if proposal.publishes:
            proposal = replace(proposal, change_set=None)
        else:
            undo.pop_all()
    standing, recorded = release(engine, proposal, bootstrap, of=chosen.number)
    return Outcome(told, standing.outputs, recorded, time.monotonic() - begun)


def _recorded(engine: Engine, stack_name: str) -> tuple[Bootstrap, Releases]:
    bootstrap = find_bootstrap(engine.stacks)
    if bootstrap is None:
        raise NoSuchReleaseError(
            f"{stack_name} has no releases",
            why="nothing was ever deployed to this account and Region with this version of the command",
            remedy="Deploy it first, or name another --profile or --region.",
        )
    return bootstrap, engine.releases(bootstrap, stack_name)


def _before_live(releases: Releases, stack_name: str) -> Release:
    """The release that was live before the one that is."""
    were_live = [found for found in releases.list() if found.status is ReleaseStatus.EARLIER and not found.stands_in]
    if not were_live:
        raise NoSuchReleaseError(
            f"{stack_name} has no earlier release to return to",
            why="no other one was ever live",
            remedy="`fastlambda releases` lists them.",
        )
    return releases.get(were_live[0].number)


def _check_was_live(chosen: Release, stack_name: str) -> None:
    if chosen.status not in {ReleaseStatus.LIVE, ReleaseStatus.EARLIER}:
        raise NoSuchReleaseError(
            f"Release {chosen.number} of {stack_name} is no release to return to",
            why=f"it {chosen.status}: {chosen.reason}" if chosen.reason else f"it is {chosen.status}",
            remedy="`fastlambda releases` lists those that were live.",
        )

    if chosen.stands_in:
        raise NoSuchReleaseError(
            f"Release {chosen.number} of {stack_name} is no release to return to",
            why="`fastlambda dev` ran the service from its folder then, and its artifact only says so",
            remedy="`fastlambda releases` lists the others.",
        )


def _desired(stack_name: str, chosen: Release, releases: Releases) -> Desired:
    document = parsed(releases.template(chosen))
    return Desired(stack_name, document, chosen.parameters, chosen.artifact, health_path(document))


def _plan(proposal: Proposal, aws: Aws, releases: Releases) -> Plan:
    live = releases.live()
    change = artifact_change(proposal.desired.artifact, live.artifact if live else None)
    return replace(proposal.plan(aws), artifact=change)
