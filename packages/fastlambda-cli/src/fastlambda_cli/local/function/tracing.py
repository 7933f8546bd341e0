"""How an invocation joins an X-Ray trace: whose trace it is, whether it is sampled, what the function is told."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Callable
from typing import TypeAlias

from fastlambda_cli.local.model import Trace

Sampling: TypeAlias = Callable[[], bool]
"""Decides for one event that nobody upstream decided for."""

_ROOT = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_SEGMENT = re.compile(r"[0-9a-f]{16}")
_FIXED_RATE = 0.05


class Sampler:
    """One event a second, and 5 % of the others, as Lambda samples; neither number can be configured there.

    AWS Lambda Developer Guide, "Visualize Lambda function invocations using AWS X-Ray".

    Args:
        clock: Tells the time, in seconds.
        choose: Draws a number from 0 up to 1 for every event after the first of a second.

    """

    def __init__(self, clock: Callable[[], float] = time.time, choose: Callable[[], float] = random.random) -> None:
        self._clock = clock
        self._choose = choose
        self._second = -1

    def __call__(self) -> bool:
        """Decide for one event."""
        second = int(self._clock())
        if second != self._second:
            self._second = second
            return True
        return self._choose() < _FIXED_RATE


def joined(incoming: str | None, *, active: bool, sampling: Sampling) -> Trace:
    """Return an invocation's place in its caller's trace, or in a new one.

    The root and the decision are the caller's where it sent them. Without a decision, active tracing takes one;
    without active tracing nothing is sampled, and the function is told the caller's own segment
    (AWS Lambda Developer Guide, "Visualize Lambda function invocations using AWS X-Ray").

    Args:
        incoming: The caller's `X-Amzn-Trace-Id`; None when it sent none.
        active: Whether the function has active tracing.
        sampling: Decides where the caller did not.

    """
    drawn = os.urandom(20).hex()
    if incoming is None:
        sampled = active and sampling()
        return Trace(f"1-{int(time.time()):08x}-{drawn[:24]}", None, drawn[24:], sampled, recorded=sampled)
    fields = dict(part.strip().split("=", 1) for part in incoming.split(";") if "=" in part)
    root = fields.get("Root", "")
    if not _ROOT.fullmatch(root):
        root = f"1-{int(time.time()):08x}-{drawn[:24]}"
    parent = fields.get("Parent", "")
    caller = parent if _SEGMENT.fullmatch(parent) else None
    decided = fields.get("Sampled")
    sampled = decided == "1" if decided in {"0", "1"} else active and sampling()
    own = drawn[24:]
    return Trace(
        root=root,
        parent=caller,
        segment=own if active else caller or own,
        sampled=sampled,
        recorded=active and sampled,
    )
