"""Reading functions' logs: the answers of FilterLogEvents, GetLogEvents and DescribeLogStreams.

Amazon CloudWatch Logs API Reference, by those names. All times are in milliseconds of the epoch.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from fastlambda_cli.local.model import ACCOUNT_ID, REGION
from fastlambda_cli.local.telemetry.logs import LogEvent, LogStream
from fastlambda_cli.local.telemetry.pattern_words import Matches

T = TypeVar("T")

MOST_EVENTS = 10_000
MOST_STREAMS = 50
_MOST_BYTES = 1024 * 1024
_EVENT_BYTES = 26
"""What the service counts for an event besides its message."""
_POSITION = re.compile(r"(?P<direction>[fb])/(?P<id>\d{56})/s")
_NOWHERE = "0" * 56


class BadParameterError(ValueError):
    """CloudWatch Logs' InvalidParameterException."""


def filtered(
    events: Iterable[Mapping[str, Any]], matches: Matches, request: Mapping[str, Any]
) -> tuple[list[Mapping[str, Any]], str | None]:
    """Return one page of matching events, and the token of the next page if there may be one.

    Args:
        events: FilteredLogEvents of all streams, in any order.
        matches: The pattern.
        request: `limit`, `nextToken` and `startFromHead` of FilterLogEvents.

    Raises:
        BadParameterError: The token is none.

    """
    after = _decoded(request["nextToken"]) if request.get("nextToken") else None
    newest_first = request.get("startFromHead") is False
    ordered = sorted(events, key=_order, reverse=newest_first)
    if after is not None:
        passed: Callable[[Any], bool] = lambda event: _order(event) >= after if newest_first else _order(event) <= after  # noqa: E731
        ordered = list(itertools.dropwhile(passed, ordered))
    page, more = _page((event for event in ordered if matches(event["message"])), _limit(request), _length)
    return page, _encoded(_order(page[-1])) if more else None


def events_of(stream: LogStream, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return one page of a stream, as GetLogEvents does: newest last, from its end unless `startFromHead` is set.

    Raises:
        BadParameterError: The token is none.

    """
    start, end = request.get("startTime"), request.get("endTime")
    events = [
        event
        for event in stream.events
        if (start is None or event.timestamp >= start) and (end is None or event.timestamp < end)
    ]
    token = request.get("nextToken")
    position = _POSITION.fullmatch(token) if token else None
    if token and position is None:
        raise BadParameterError("The specified nextToken is invalid.")
    forward = bool(request.get("startFromHead")) if position is None else position["direction"] == "f"
    if position is not None:
        at = position["id"]
        events = [event for event in events if (event.id > at if forward else event.id < at)]
    limit = _limit(request)
    page, _ = _page(events if forward else reversed(events), limit, lambda event: len(event.message))
    if not forward:
        page.reverse()
    nowhere = position["id"] if position is not None else _NOWHERE
    return {
        "events": [
            {"timestamp": event.timestamp, "message": event.message, "ingestionTime": event.timestamp} for event in page
        ],
        "nextForwardToken": f"f/{page[-1].id if page else nowhere}/s",
        "nextBackwardToken": f"b/{page[0].id if page else nowhere}/s",
    }


def described(stream: LogStream) -> dict[str, Any]:
    """Describe a stream (API Reference, "LogStream")."""
    answer = {
        "logStreamName": stream.name,
        "creationTime": stream.created_at,
        "arn": f"{group_arn(stream.group)}:log-stream:{stream.name}",
        "storedBytes": 0,
    }
    if stream.written is not None:
        first, last = stream.written
        answer |= {"firstEventTimestamp": first, "lastEventTimestamp": last, "lastIngestionTime": last}
    return answer


def streams_page(streams: Sequence[Mapping[str, Any]], request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return one page of streams in the order that DescribeLogStreams is asked for.

    Raises:
        BadParameterError: The token is none, or a prefix is combined with the order of time.

    """
    prefix, by_time = request.get("logStreamNamePrefix"), request.get("orderBy") == "LastEventTime"
    if prefix and by_time:
        raise BadParameterError("Cannot order by LastEventTime with a logStreamNamePrefix.")
    found = sorted(
        (each for each in streams if each["logStreamName"].startswith(prefix or "")),
        key=lambda each: each.get("lastEventTimestamp", 0) if by_time else each["logStreamName"],
        reverse=bool(request.get("descending")),
    )
    return paged("logStreams", found, request)


def paged(member: str, found: Sequence[Mapping[str, Any]], request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return one page of what was found, fifty at the most, with the token of the next.

    Raises:
        BadParameterError: The token is none.

    """
    token = request.get("nextToken") or "0"
    if not isinstance(token, str) or not token.isdigit():
        raise BadParameterError("The specified nextToken is invalid.")
    start, limit = int(token), min(request.get("limit") or MOST_STREAMS, MOST_STREAMS)
    answer: dict[str, Any] = {member: found[start : start + limit]}
    return answer | ({"nextToken": str(start + limit)} if len(found) > start + limit else {})


def as_filtered(stream: LogStream, event: LogEvent) -> Mapping[str, Any]:
    """An event as FilterLogEvents shows it."""
    return {
        "logStreamName": stream.name,
        "timestamp": event.timestamp,
        "message": event.message,
        "ingestionTime": event.timestamp,
        "eventId": event.id,
    }


def group_arn(name: str) -> str:
    """The ARN of a log group, without the asterisk that some operations put behind it."""
    return f"arn:aws:logs:{REGION}:{ACCOUNT_ID}:log-group:{name}"


def _page(events: Iterable[T], limit: int, length: Callable[[T], int]) -> tuple[list[T], bool]:
    """Take events up to their number's limit and about a megabyte, but one at least; say whether there are more."""
    page: list[T] = []
    size = 0
    for event in events:
        size += length(event) + _EVENT_BYTES
        if page and (len(page) == limit or size > _MOST_BYTES):
            return page, True
        page.append(event)
    return page, False


def _length(event: Mapping[str, Any]) -> int:
    return len(event["message"])


def _order(event: Mapping[str, Any]) -> tuple[int, str]:
    return event["timestamp"], event["eventId"]


def _limit(request: Mapping[str, Any]) -> int:
    return min(request.get("limit") or MOST_EVENTS, MOST_EVENTS)


def _encoded(position: tuple[int, str]) -> str:
    return base64.urlsafe_b64encode(f"{position[0]}/{position[1]}".encode()).decode()


def _decoded(token: object) -> tuple[int, str]:
    try:
        timestamp, _, event_id = base64.urlsafe_b64decode(str(token)).decode().partition("/")
        return int(timestamp), event_id
    except (binascii.Error, ValueError) as problem:
        raise BadParameterError("The specified nextToken is invalid.") from problem
