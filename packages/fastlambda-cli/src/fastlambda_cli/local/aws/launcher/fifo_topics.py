"""FIFO topics of a stack keep their order, and their messages have sequence numbers in FIFO queues.

ministack makes a FIFO topic by its API; by CloudFormation it makes one that keeps neither order nor groups. It hands
messages to queues without the sequence number that SQS gives to every message of a FIFO queue (Amazon SQS API
Reference, "ReceiveMessage").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.services import sns, sqs  # type: ignore[import-not-found,unused-ignore]
from needed import when_provisioned  # type: ignore[import-not-found,unused-ignore]


def keep_order() -> None:
    """Have CloudFormation make FIFO topics as SNS's API does, and number what they hand to FIFO queues."""
    when_provisioned("AWS::SNS::Topic", _provisioning)
    sns._deliver_to_sqs = _delivering(sns._deliver_to_sqs)  # noqa: SLF001


def _provisioning(create: Any) -> Any:
    def created(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> Any:
        made = create(logical_id, properties, stack_name)
        if str(properties.get("FifoTopic")).lower() == "true":
            topic = sns._topics[made[0]]  # noqa: SLF001
            by_content = str(properties.get("ContentBasedDeduplication", False)).lower()
            topic["attributes"] |= {"FifoTopic": "true", "ContentBasedDeduplication": by_content}
            topic |= {"fifo_seq": 0, "dedup_cache": {}}
        return made

    return created


def _delivering(deliver: Any) -> Any:
    def delivered(endpoint: str, *message: Any, **more: Any) -> None:
        queue: Any = sqs._queue_by_arn(endpoint) if endpoint.endswith(".fifo") else None  # noqa: SLF001
        there = len(queue["messages"]) if queue else 0
        deliver(endpoint, *message, **more)
        for taken in queue["messages"][there:] if queue else ():
            queue["fifo_seq"] += 1
            taken["seq"] = str(queue["fifo_seq"]).zfill(20)

    return delivered
