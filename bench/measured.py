"""What the scripts share: medians, intervals and a table."""

from __future__ import annotations

import os
import random
import statistics
from collections.abc import Mapping, Sequence

AS_INSTALLED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""The environment of a command that finds valid bytecode, as everywhere from the second start on."""


def ratio_interval(samples: Sequence[float], base: Sequence[float], *, rounds: int = 2000) -> tuple[float, float]:
    """The 95 % bootstrap interval of the ratio of medians."""
    dice = random.Random(1)  # noqa: S311 - resampling, and the same each run
    ratios = sorted(
        statistics.median(dice.choices(samples, k=len(samples))) / statistics.median(dice.choices(base, k=len(base)))
        for _ in range(rounds)
    )
    return ratios[int(rounds * 0.025)], ratios[int(rounds * 0.975)]


def table(unit: str, samples: Mapping[str, Sequence[float]], *, base: str) -> str:
    """A table of medians and minima, each as a ratio to `base`."""
    width = max(map(len, samples))
    lines = [f"{'':{width}}  {'median':>10}  {'min':>10}  {'ratio':>6}  95 %"]
    for name, values in samples.items():
        low, high = ratio_interval(values, samples[base])
        median = statistics.median(values)
        ratio = median / statistics.median(samples[base])
        lines.append(
            f"{name:{width}}  {median:>7.1f} {unit}  {min(values):>7.1f} {unit}  {ratio:>6.2f}  {low:.2f}-{high:.2f}"
        )
    return "\n".join(lines)
