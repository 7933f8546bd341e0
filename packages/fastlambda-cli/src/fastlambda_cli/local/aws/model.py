"""How a local AWS is to behave where AWS leaves it open, or where nobody wants to wait as long."""

from __future__ import annotations

import itertools
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from fastlambda_cli.aws.keys import Keys

LIMIT = 1000
"""Events at once in a new account's Region (AWS Lambda Developer Guide, "Lambda quotas")."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long Lambda keeps trying: AWS Lambda Developer Guide, "How Lambda handles errors and retries".

    Attributes:
        after_error_s: The pauses before each retry of an event on which the function failed.
        throttle_first_s: The first pause while the function is throttled; it doubles.
        throttle_longest_s: The longest such pause.
        age_limit_s: An event older than this is dropped.

    """

    after_error_s: Sequence[float] = (60.0, 120.0)
    throttle_first_s: float = 1.0
    throttle_longest_s: float = 300.0
    age_limit_s: float = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Running:
    """How deployed functions run.

    Attributes:
        concurrency: How many events a function may run at once; its reserved concurrency can only make that less.
        account_concurrency: How many events all functions together may run at once.
        idle_s: Seconds without an event after which a version's environments end.
        own_files: Whether environments have file systems of their own, where this machine can give them.
        choose: Draws a number from 0 up to 1 for every event: an alias may have weights.
        numbers: Names the environments, for people.

    """

    concurrency: int = 10
    account_concurrency: int = LIMIT
    idle_s: float = 60.0
    own_files: bool = True
    choose: Callable[[], float] = random.random
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every function here finds round itself.

    Attributes:
        endpoint_url: Where AWS SDKs find AWS.
        xray_address: host:port of the X-Ray daemon.
        keys: Gives what a function signs with, by its name and the ARN of its role; raises UnassumableRoleError.
        own_files: Whether environments have file systems of their own.

    """

    endpoint_url: str
    xray_address: str
    keys: Callable[[str, str], Awaitable[Keys]]
    own_files: bool = False
