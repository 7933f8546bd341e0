"""Numbers, times and names as people say them."""

from __future__ import annotations

from datetime import datetime

_SIZES = ("B", "kB", "MB", "GB")
_STEP = 1024
_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_CENT = 0.01


def size(count: int) -> str:
    """Bytes in the unit that suits them, such as 15.9 MB, in Lambda's sense: an MB is 2**20 bytes."""
    value = float(count)
    for unit in _SIZES[:-1]:
        # Not at the unit's own end: 1,048,560 B would round to 1024.0 kB.
        if round(value, 1 if unit != "B" else 0) < _STEP:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= _STEP
    return f"{value:.1f} {_SIZES[-1]}"


def duration(seconds: float) -> str:
    """Seconds as 3.1 s, 42 s or 2 min 05 s."""
    if seconds < 10:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole} s" if whole < _MINUTE else f"{whole // _MINUTE} min {whole % _MINUTE:02} s"


def money(usd: float) -> str:
    """US dollars to the cent; what is less than a cent is not called nothing."""
    return "< $0.01" if 0 < usd < _CENT else f"${usd:,.2f}"


def ago(then: datetime, now: datetime) -> str:
    """How long it has been, in the largest unit that suits."""
    seconds = (now - then).total_seconds()
    for unit, length in (("day", _DAY), ("hour", _HOUR), ("minute", _MINUTE)):
        if seconds >= length:
            return f"{plural(int(seconds // length), unit)} ago"
    return "just now"


def moment(at: datetime) -> str:
    """A moment to the minute, in the reader's own time zone, which is named."""
    return f"{at.astimezone():%Y-%m-%d %H:%M %Z}"


def plural(count: int, noun: str) -> str:
    """A count and its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def kind(resource_type: str) -> str:
    """A resource type without the vendor every one begins with."""
    return resource_type.removeprefix("AWS::")


def person(arn: str) -> str:
    """Who an ARN is, shorter: user/ann, or role/session of an assumed role."""
    resource = arn.split(":", 5)[-1]
    return resource.removeprefix("assumed-role/") or arn
