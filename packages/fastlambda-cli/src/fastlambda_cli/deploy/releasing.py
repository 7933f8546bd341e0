"""A release: recorded, carried out, and recorded again with how it ended."""

from __future__ import annotations

from fastlambda_cli.aws.model import Stack
from fastlambda_cli.deploy.bootstrap import Bootstrap
from fastlambda_cli.deploy.desired import Desired, Standing
from fastlambda_cli.deploy.engine import Engine, live_versions
from fastlambda_cli.deploy.execution import out_of_sight
from fastlambda_cli.deploy.interrupted import is_of
from fastlambda_cli.deploy.model import Release, ReleaseStatus, Remark
from fastlambda_cli.deploy.proposing import Proposal
from fastlambda_cli.deploy.recovery import cleared
from fastlambda_cli.deploy.releases import Releases
from fastlambda_cli.deploy.snapshots import prune_snapshots
from fastlambda_cli.deploy.traffic import Traffic
from fastlambda_cli.deploy.underway import kept_up
from fastlambda_cli.errors import AwsError, FastLambdaError, HealthCheckError, StackError


def release(
    engine: Engine, proposal: Proposal, bootstrap: Bootstrap, *, of: int | None = None
) -> tuple[Stack, Release]:
    """Carry out what was agreed to, and keep the record of it.

    Args:
        engine: The account and Region.
        proposal: What was agreed to.
        bootstrap: Has the bucket in which releases are recorded.
        of: The release that this one returns to.

    Returns:
        The stack as it stands now, and the release.

    Raises:
        StackError: CloudFormation could not do it, and the release is recorded as failed.
        HealthCheckError: What was deployed does not answer, likewise.
        AwsError: AWS refused something, likewise; or it cannot be asked any more, and then the release stays
            `started`, and the next deployment finds out what became of it.

    """
    releases = engine.releases(bootstrap, proposal.desired.stack_name)
    started = releases.begin(proposal.desired, of=of)
    try:
        with kept_up(releases, started):
            stack = _carried_out(engine, engine.traffic(bootstrap), proposal)
    except (StackError, HealthCheckError) as error:
        _record_failure(releases, started, error)
        raise
    except AwsError as error:
        if not out_of_sight(engine.stacks, proposal.desired.stack_name, error):
            _record_failure(releases, started, error)
        raise
    versions = live_versions(engine.aws, proposal.desired.document, proposal.desired.stack_name)
    live = releases.finalise(started, ReleaseStatus.LIVE, versions=versions)
    _tidied(engine, releases, live, proposal.desired.stack_name)
    return stack, live


def ask_again(engine: Engine, desired: Desired, standing: Standing, bootstrap: Bootstrap) -> Release | None:
    """Ask a stack once more that did not answer when it was made, and stands as it was made then.

    Args:
        engine: The account and Region.
        desired: What the stack is to be, and is.
        standing: The stack.
        bootstrap: Has the bucket in which releases are recorded.

    Returns:
        The release that is live from now on; None when the stack is no such one.

    Raises:
        HealthCheckError: It does not answer yet.

    """
    releases = engine.releases(bootstrap, desired.stack_name)
    newest = next(iter(releases.list()), None)
    if newest is None or newest.status is not ReleaseStatus.FAILED or standing.pinned:
        return None
    if not is_of(standing, newest, releases):
        return None
    engine.tell(Remark(f"Release {newest.number} did not answer when it was deployed."))
    engine.traffic(bootstrap).check_api(desired, standing.stack)
    return releases.finalise(newest, ReleaseStatus.LIVE, versions=standing.versions)


def _carried_out(engine: Engine, traffic: Traffic, proposal: Proposal) -> Stack:
    desired, before, change_set = proposal.desired, proposal.before, proposal.change_set
    if before is None:
        cleared(engine.stacks, desired.stack_name, engine.tell)
        return traffic.create(desired, change_set)
    if proposal.publishes:
        return traffic.replace(desired, before)
    return traffic.update(desired, before, change_set or traffic.propose(desired))


def _tidied(engine: Engine, releases: Releases, live: Release, stack_name: str) -> None:
    """Delete what nobody will need any more; what was deployed is live all the same when that fails."""
    try:
        kept = releases.prune()
        live_now = live.versions(stack_name)
        earlier = [found.versions(stack_name) for found in kept if found.status is ReleaseStatus.EARLIER]
        for function, version in live_now.items():
            before = next((versions[function] for versions in earlier if function in versions), None)
            gone = prune_snapshots(engine.aws, function, version, {before} if before else set())
            if gone:
                of = f" of {function}" if len(live_now) > 1 else ""
                engine.tell(
                    Remark(f"Deleted earlier versions{of} whose SnapStart snapshots cost money: {', '.join(gone)}.")
                )
    except AwsError as error:
        engine.tell(Remark(f"What is no longer needed could not be deleted: {error.in_one_line()}", warning=True))


def _record_failure(releases: Releases, started: Release, error: FastLambdaError) -> None:
    try:
        releases.finalise(started, ReleaseStatus.FAILED, reason=str(error))
    except FastLambdaError as second:
        # The first failure is the one to act on; the record is put right by the next deployment.
        error.add_note(f"That release {started.number} failed could not be recorded: {second.in_one_line()}")
