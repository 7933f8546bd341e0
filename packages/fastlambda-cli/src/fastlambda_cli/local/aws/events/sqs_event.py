"""Messages of a queue as a function's event, and the function's answer to it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastlambda_cli.local.model import REGION

_MAX_BYTES = 6 * 1024 * 1024
"""AWS Lambda Developer Guide, "Lambda quotas": the largest event."""

Record = Mapping[str, Any]


class MalformedAnswerError(Exception):
    """The answer names messages in a way that Lambda takes for a failure of the whole batch."""


def record(message: Mapping[str, Any], queue_arn: str) -> Record:
    """Make a record of what ReceiveMessage returned: AWS Lambda Developer Guide, "Using Lambda with Amazon SQS"."""
    attributes = message.get("MessageAttributes", {})
    made = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {name: _attribute(value) for name, value in attributes.items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    }
    if "MD5OfMessageAttributes" in message:
        made["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return made


def events(records: Sequence[Record]) -> Iterator[tuple[Sequence[Record], bytes]]:
    """Make as few events of records as their size allows, in their order."""
    texts = [json.dumps(each) for each in records]
    start = size = 0
    for index, text in enumerate(texts):
        size += len(text) + 1
        if size > _MAX_BYTES - 100 and index > start:
            yield records[start:index], _event(texts[start:index])
            start, size = index, len(text) + 1
    yield records[start:], _event(texts[start:])


def failed_ids(answer: bytes, records: Sequence[Record]) -> frozenset[str]:
    """Read which messages failed: AWS Lambda Developer Guide, "Implementing partial batch responses".

    Raises:
        MalformedAnswerError: The whole batch counts as failed.

    """
    response = json.loads(answer)
    if not response:
        return frozenset()
    if not isinstance(response, dict):
        raise MalformedAnswerError(f"it is no object with batchItemFailures: {json.dumps(response)[:100]}")
    failures = response.get("batchItemFailures") or []
    known = {each["messageId"] for each in records}
    failed = set()
    for failure in failures:
        identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        if not isinstance(identifier, str) or identifier not in known:
            raise MalformedAnswerError(f"{json.dumps(failure)[:100]} names no message of the batch by itemIdentifier")
        failed.add(identifier)
    return frozenset(failed)


def _event(texts: Sequence[str]) -> bytes:
    return f'{{"Records":[{",".join(texts)}]}}'.encode()


def _attribute(value: Mapping[str, Any]) -> Mapping[str, Any]:
    in_camel_case = {name[0].lower() + name[1:]: content for name, content in value.items()}
    return {"stringListValues": [], "binaryListValues": [], **in_camel_case}
