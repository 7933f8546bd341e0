"""Deploying what `dev` runs, by the pipeline that deploys to AWS.

One thing differs. What runs is the service's folder, so that a saved file runs at once, and the stack's artifact only
says so to whoever invokes it while no `dev` runs.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.aws.session import connect
from fastlambda_cli.cli.dev_placeholder import placeholder
from fastlambda_cli.cli.runtime import runtime_of
from fastlambda_cli.deploy import deploy
from fastlambda_cli.deploy.model import Action, Happening, Plan, Remark, Target
from fastlambda_cli.local.model import Notice, Sink
from fastlambda_cli.service.model import Service

_NAMED = 4
"""How many changed resources are named."""


def bring_up_to_date(service: Service, stage: str, endpoint_url: str, keys: Keys, sink: Sink) -> None:
    """Make or change the stack of a stage in a running local AWS, and tell what was done.

    Args:
        service: As loaded for the stage.
        stage: Its name.
        endpoint_url: The local AWS.
        keys: What requests to it are signed with.
        sink: Is told, on the caller's thread.

    Raises:
        FastLambdaError: The stack cannot be what the service describes.

    """

    def pass_on(happening: Happening) -> None:
        if isinstance(happening, Remark) and happening.warning:
            sink(Notice(happening.text, warning=True))

    with tempfile.TemporaryDirectory() as folder, connect(endpoint_url=endpoint_url, keys=keys) as aws:
        runtime = runtime_of(service)
        target = Target(service, stage, runtime, placeholder(service, runtime, Path(folder)), stands_in=True)
        outcome = deploy(target, aws, pass_on, confirm=lambda _: True, health=_NobodyAsks())
    if outcome is not None and not outcome.plan.empty:
        for line in _summary(outcome.plan):
            sink(Notice(line))


class _NobodyAsks:
    """The folder's code is asked by whoever works on it; that it fails is no reason to put a stack back."""

    def version(self, function: str, version: str, path: str) -> None:
        """Ask nothing."""

    def url(self, url: str, path: str) -> None:
        """Ask nothing."""


def _summary(plan: Plan) -> Iterator[str]:
    if plan.creates:
        yield f"Stack {plan.stack_name}: made, {len(plan.changes)} resources"
    else:
        changed = [
            f"{change.action} {change.logical_id}" for change in plan.changes if change.action is not Action.KEEP
        ]
        more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
        yield f"Stack {plan.stack_name}: {', '.join(changed[:_NAMED])}{more}"
    if plan.left_out:
        kinds = Counter(plan.left_out.values())
        listed = ", ".join(f"{kind} ({count})" if count > 1 else kind for kind, count in sorted(kinds.items()))
        yield f"Left out of it, because the AWS on this machine lacks it: {listed}"
