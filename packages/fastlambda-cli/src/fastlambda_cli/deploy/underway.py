"""Several people, one stack: who is at work on it, and what is guaranteed.

CloudFormation makes one change of a stack at a time, and refuses a change set that was worked out before another one
was carried out. An update that publishes a version is two such changes, and between them, while the version is asked,
the stack looks like one that an interrupted deployment left. So whoever deploys renews the record of the release every
15 seconds (`kept_up`), and whoever comes later waits until the record has ended or was not renewed for a minute.

What that guarantees:

- A deployment whose process runs and reaches S3 is never taken for an interrupted one.
- One that is held up for longer, in a machine that sleeps, may be. If somebody has changed the stack by the time it
  wakes up, it changes nothing, puts nothing back, and fails with OvertakenError; otherwise it goes on, and its own
  account of how it ended is what is recorded.
- Two that begin at the same moment on a stack that nobody is at work on: one goes through, the other is refused by
  CloudFormation and fails with OvertakenError.

On this machine nobody is waited for: whoever else deploys here is the same person, and the rest holds all the same.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from fastlambda_cli.aws.model import Stack
from fastlambda_cli.aws.stacks import Stacks
from fastlambda_cli.deploy.model import Release, Remark, Tell
from fastlambda_cli.deploy.recovery import settled
from fastlambda_cli.deploy.releases import Releases
from fastlambda_cli.errors import AwsError

RENEWED_EVERY_S = 15.0
QUIET_S = 60.0
"""For how long nobody must have renewed a release before it counts as interrupted."""

_LOOK_S = 5.0
_LAST_RENEWAL_S = 5.0


@contextlib.contextmanager
def kept_up(releases: Releases, release: Release, every: float = RENEWED_EVERY_S) -> Iterator[None]:
    """Renew the record of a release while the block runs.

    Args:
        releases: Of the stack.
        release: As it was begun.
        every: Seconds from one renewal to the next.

    """
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(every):
            # One that fails is made up for by the next; when all fail, the block's own calls fail as well and say why.
            with contextlib.suppress(AwsError):
                if not releases.renew(release):
                    return

    # Without a network a renewal takes minutes to fail, for which nobody who presses Ctrl-C should wait.
    thread = threading.Thread(target=renew, name=f"renewing release {release.number}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(_LAST_RENEWAL_S)


def left_alone(
    stacks: Stacks,
    name: str,
    releases: Releases | None,
    tell: Tell,
    *,
    quiet: float = QUIET_S,
    wait: Callable[[float], None] = time.sleep,
) -> Stack | None:
    """Wait until neither CloudFormation nor anybody's deployment is at work on a stack.

    Args:
        stacks: CloudFormation.
        name: The stack.
        releases: Of the stack; None where nothing can have been recorded yet.
        tell: Is told who is waited for.
        quiet: For how many seconds nobody must have renewed a release before it counts as interrupted.
        wait: Waits so many seconds between two looks.

    Returns:
        The stack; None when there is none.

    """
    waited_for: set[int] = set()
    while True:
        stack = settled(stacks, name, tell)
        at_work = [] if releases is None else [one.release for one in releases.started() if one.quiet < quiet]
        if not at_work:
            return stack
        for release in at_work:
            if release.number not in waited_for:
                waited_for.add(release.number)
                tell(Remark(f"{release.by} is at work on release {release.number} of {name}: waiting for its end."))
        wait(_LOOK_S)
