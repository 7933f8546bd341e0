"""How many requests an HTTP API lets through: API Gateway developer guide, "Throttle requests to your HTTP APIs"."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

ACCOUNT_RATE = 10_000.0
ACCOUNT_BURST = 5_000
"""An account's own limits in most Regions, which hold where a stage has only one of the two."""


@dataclass(frozen=True, slots=True)
class Limits:
    """A token bucket's shape.

    Attributes:
        rate: Requests a second, in the long run.
        burst: Requests at once.

    """

    rate: float = ACCOUNT_RATE
    burst: int = ACCOUNT_BURST


@dataclass(slots=True)
class _Bucket:
    limits: Limits
    tokens: float
    filled_at: float


class Throttle:
    """Token buckets by what they are for, each full at first.

    Args:
        clock: Seconds.

    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[Hashable, _Bucket] = {}

    def admits(self, what: Hashable, limits: Limits) -> bool:
        """Take a token for a request; False when there is none. A bucket whose limits change is a new one."""
        now = self._clock()
        bucket = self._buckets.get(what)
        if bucket is None or bucket.limits != limits:
            bucket = self._buckets[what] = _Bucket(limits, limits.burst, now)
        bucket.tokens = min(limits.burst, bucket.tokens + (now - bucket.filled_at) * limits.rate)
        bucket.filled_at = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True


def stage_limits(stage: Mapping[str, Any], route_key: str) -> tuple[str | None, Limits] | None:
    """Find what limits a route's requests in a stage, as the API Gateway v2 API shows it.

    Returns:
        The route when it has limits of its own, None for what the routes of the stage share; and the limits. None when
        there are no limits.

    """
    shared = _settings(stage.get("defaultRouteSettings"))
    own = _settings((stage.get("routeSettings") or {}).get(route_key))
    found = shared | own
    if not found:
        return None
    rate = float(found.get("throttlingratelimit", ACCOUNT_RATE))
    burst = int(found.get("throttlingburstlimit", ACCOUNT_BURST))
    return route_key if own else None, Limits(rate, burst)


def _settings(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """The limits in a route's settings, by names in lower case: CloudFormation's begin with a capital."""
    return {key.lower(): value for key, value in (given or {}).items() if "throttling" in key.lower()}
