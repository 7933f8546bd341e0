"""What a message tells of what published it: the correlation id and the trace.

The correlation id travels as the message attribute `correlation_id`; an event of a bus has no attributes and carries it
as the last of its `resources`. The trace travels as X-Ray's tracing header: as the message system attribute
AWSTraceHeader of SQS and the TraceHeader of an EventBridge entry, and to SNS as the header that the X-Ray SDK adds to
the request (AWS X-Ray Developer Guide, "Amazon SQS and AWS X-Ray", "Amazon SNS and AWS X-Ray", "Amazon EventBridge and
AWS X-Ray").
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Self

from fastlambda import exchange
from fastlambda.frozen import Frozen
from fastlambda.observe.logging import logger
from fastlambda.observe.tracing import trace_header

ATTRIBUTE = "correlation_id"
"""The message attribute with the correlation id."""

RESOURCE = "urn:fastlambda:correlation-id:"
"""What the resource of an event with the correlation id begins with."""

# A sender that is none of ours may write anything: what is no id is not taken for one.
_ID = re.compile(r"[\x21-\x7e]{1,256}")


class Origin(Frozen):
    """What is being done while something is published.

    Attributes:
        correlation_id: What its log lines have in common; None outside of an event.
        trace_header: Where it stands in its trace, for `X-Amzn-Trace-Id`; None outside of one.

    """

    correlation_id: str | None
    trace_header: str | None

    @classmethod
    def current(cls) -> Self:
        """Return the origin of what is published now, by this task."""
        found = exchange.keys().get("correlation_id") or logger.get_correlation_id()
        return cls(correlation_id=correlation_id(found), trace_header=trace_header())


def correlation_id(value: Any) -> str | None:
    """Return the value if it can be a correlation id."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def of_attribute(attributes: Mapping[str, Any] | None, key: str) -> str | None:
    """Return the correlation id in message attributes, which have their values under this key; None without one."""
    attribute = (attributes or {}).get(ATTRIBUTE)
    return correlation_id(attribute.get(key)) if isinstance(attribute, Mapping) else None


def of_resources(resources: Sequence[Any]) -> str | None:
    """Return the correlation id in an event's resources; None without one."""
    for resource in resources:
        if isinstance(resource, str) and resource.startswith(RESOURCE):
            return correlation_id(resource.removeprefix(RESOURCE))
    return None
