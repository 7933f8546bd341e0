"""Releases that nobody saw the end of: what became of them is read off the stack."""

from __future__ import annotations

from fastlambda_cli.deploy.desired import Standing, digest, parsed
from fastlambda_cli.deploy.model import Release, ReleaseStatus, Remark, Tell
from fastlambda_cli.deploy.releases import Releases


def finalise_interrupted(releases: Releases, standing: Standing | None, tell: Tell) -> None:
    """Record how interrupted releases ended, unless somebody else records it meanwhile.

    Args:
        releases: Of a stack that nobody is at work on (`underway`).
        standing: The stack; None when there is none.
        tell: Is told what was found.

    """
    for started in releases.started():
        release = started.release
        if standing is not None and not standing.pinned and is_of(standing, release, releases):
            if releases.finalise_for(started, ReleaseStatus.LIVE, versions=standing.versions):
                text = f"Release {release.number} was interrupted and came to its end in CloudFormation: it is live."
                tell(Remark(text))
            continue
        reason = _reason(standing)
        if releases.finalise_for(started, ReleaseStatus.FAILED, reason=reason):
            tell(Remark(f"Release {release.number} was interrupted: {reason}."))


def is_of(standing: Standing, release: Release, releases: Releases) -> bool:
    """Whether a stack has the template and the parameters of a release."""
    if standing.parameters != release.parameters:
        return False
    return digest(parsed(releases.template(release))) == digest(standing.document)


def _reason(standing: Standing | None) -> str:
    if standing is None:
        return "there is no stack"
    if standing.pinned:
        return f"no traffic has moved, and version {standing.version} is live"
    return f"the stack is {standing.stack.status} without it"
