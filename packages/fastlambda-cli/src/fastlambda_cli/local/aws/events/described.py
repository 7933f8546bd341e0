"""Who sent an event that nobody waits for, and what the sender calls it, as its shape tells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def sender(payload: bytes) -> str:
    """Name the sender of an event: a word for the service, and its topic, bucket, rule or kind of event.

    Args:
        payload: The event, as JSON text.

    Returns:
        Such as "sns price-changes", or "invoke" when the shape is none of a service's.

    """
    event = json.loads(payload)
    if not isinstance(event, dict):
        return "invoke"
    if isinstance(event.get("detail-type"), str):
        return _from_bus(event)
    records = event.get("Records")
    first = records[0] if isinstance(records, list) and records else None
    return _from_records(first) if isinstance(first, dict) else "invoke"


def identifier_of(payload: bytes) -> str | None:
    """Return what SNS or EventBridge calls the message or the event; None for an event of another service.

    Args:
        payload: The event, as JSON text.

    """
    event = json.loads(payload)
    if not isinstance(event, dict):
        return None
    if isinstance(event.get("detail-type"), str):
        return str(event.get("id"))
    records = event.get("Records")
    first = records[0] if isinstance(records, list) and records else None
    notification = first.get("Sns") if isinstance(first, dict) else None
    return str(notification.get("MessageId")) if isinstance(notification, dict) else None


def _from_bus(event: Mapping[str, Any]) -> str:
    resources = event.get("resources")
    if event.get("source") in {"aws.events", "aws.scheduler"} and isinstance(resources, list) and resources:
        return f"timer {str(resources[0]).rpartition('/')[2]}"
    return f"event {event['detail-type']}"


def _from_records(record: Mapping[str, Any]) -> str:
    if record.get("EventSource") == "aws:sns" and isinstance(record.get("Sns"), dict):
        return f"sns {str(record['Sns'].get('TopicArn', '')).rpartition(':')[2]}"
    if record.get("eventSource") == "aws:s3" and isinstance(record.get("s3"), dict):
        bucket = record["s3"].get("bucket")
        return f"s3 {bucket.get('name', '') if isinstance(bucket, dict) else ''}"
    return "invoke"
