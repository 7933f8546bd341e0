"""An event source mapping of a queue: AWS Lambda API Reference, "EventSourceMappingConfiguration"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastlambda_cli.local.aws.function_names import FunctionReference, parse_function_name
from fastlambda_cli.local.model import ACCOUNT_ID, REGION

_QUEUES = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:"
_CONCURRENCY = 5
"""AWS Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings": it starts with five."""


@dataclass(frozen=True, slots=True)
class QueueMapping:
    """What the messages of a queue do.

    Attributes:
        uuid: Names the mapping.
        queue_arn: The queue.
        function: The function, with the alias or version that the mapping names.
        batch_size: The most messages of one event.
        window_s: Seconds to gather a batch.
        concurrency: The most events at once.
        partial: Whether the function's answer names the messages that failed (ReportBatchItemFailures).
        filters: Event patterns, of which a message must match one; every message matches none at all.

    """

    uuid: str
    queue_arn: str
    function: FunctionReference
    batch_size: int
    window_s: int
    concurrency: int
    partial: bool
    filters: tuple[str, ...]

    @property
    def queue_name(self) -> str:
        """The queue's name."""
        return self.queue_arn.rpartition(":")[2]

    @property
    def is_fifo(self) -> bool:
        """Whether the queue keeps the order of its groups."""
        return self.queue_arn.endswith(".fifo")


def queue_mapping(configuration: Mapping[str, Any]) -> QueueMapping | None:
    """Read a mapping; None when it is disabled, or its source no queue of the local account and Region."""
    source = configuration.get("EventSourceArn", "")
    function = parse_function_name(configuration["FunctionArn"], None)
    if configuration.get("State") != "Enabled" or not source.startswith(_QUEUES) or function is None:
        return None
    scaling = configuration.get("ScalingConfig") or {}
    criteria = configuration.get("FilterCriteria") or {}
    return QueueMapping(
        uuid=configuration["UUID"],
        queue_arn=source,
        function=function,
        batch_size=int(configuration.get("BatchSize") or 10),
        window_s=int(configuration.get("MaximumBatchingWindowInSeconds") or 0),
        concurrency=int(scaling.get("MaximumConcurrency") or _CONCURRENCY),
        partial="ReportBatchItemFailures" in (configuration.get("FunctionResponseTypes") or ()),
        filters=tuple(each["Pattern"] for each in criteria.get("Filters") or ()),
    )
