"""Amazon SQS: messages into a queue, and out of its dead-letter queue back into it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastlambda_cli.aws.failures import code_of, translated
from fastlambda_cli.aws.session import Aws
from fastlambda_cli.errors import QueueError

_AT_ONCE = 10
"""Amazon SQS API Reference: the most messages that one request returns."""
_WAIT_S = 1
"""Long enough that every server of SQS is asked: Amazon SQS Developer Guide, "Amazon SQS short and long polling"."""
_HIDDEN_S = 30
_ABSENT = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be handled.

    Attributes:
        message_id: SQS's own.
        sent: When it was sent first.
        body: Its text.

    """

    message_id: str
    sent: datetime
    body: str


class Queue:
    """A queue of an account and Region.

    Every method raises AwsError for what AWS says.

    Args:
        aws: The account and Region.
        name: Its name or its ARN.

    Raises:
        QueueError: There is no such queue.

    """

    def __init__(self, aws: Aws, name: str) -> None:
        self.name = name.rpartition(":")[2]
        self._aws = aws
        self._client = aws.client("sqs")
        owner = {"QueueOwnerAWSAccountId": name.split(":")[4]} if name.startswith("arn:") else {}
        from botocore.exceptions import ClientError  # noqa: PLC0415 - boto3 is slow to import

        with translated(f"find the queue {self.name}"):
            try:
                self._url = self._client.get_queue_url(QueueName=self.name, **owner)["QueueUrl"]
            except ClientError as problem:
                if code_of(problem) in _ABSENT:
                    raise _absent(self.name) from problem
                raise

    def send(self, body: str, group: str | None = None) -> str:
        """Send a message; return its id.

        Args:
            body: Its text.
            group: Of a FIFO queue the message group; the message counts as no duplicate of any other.

        """
        fifo = {"MessageGroupId": group, "MessageDeduplicationId": str(uuid.uuid4())} if group is not None else {}
        with translated(f"send a message to {self.name}"):
            message_id: str = self._client.send_message(QueueUrl=self._url, MessageBody=body, **fifo)["MessageId"]
        return message_id

    def dead_letters(self) -> Queue:
        """The queue's dead-letter queue.

        Raises:
            QueueError: It has none.

        """
        policy = self._attributes("RedrivePolicy").get("RedrivePolicy")
        if policy is None:
            raise QueueError(
                f"The queue {self.name} has no dead-letter queue",
                why="it has no redrive policy",
                remedy="Messages that cannot be handled come again until they are too old.",
            )
        return Queue(self._aws, json.loads(policy)["deadLetterTargetArn"])

    def count(self) -> int:
        """How many messages wait in it, roughly: what SQS itself counts."""
        return int(self._attributes("ApproximateNumberOfMessages")["ApproximateNumberOfMessages"])

    def look(self) -> list[DeadLetter]:
        """Some of its messages, ten at the most, which stay where they are."""
        return [
            DeadLetter(
                message_id=message["MessageId"],
                sent=datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC),
                body=message["Body"],
            )
            for message in self._received(hidden_s=0)
        ]

    def move(self, to: Queue) -> Iterator[int]:
        """Move the messages that are there now to another queue, and say after each how many that was.

        A message is deleted once the other queue has it: whatever ends this in between, none is lost, and at most one
        is there twice.
        """
        total = self.count()
        moved = 0
        while moved < total:
            messages = self._received(hidden_s=_HIDDEN_S)
            if not messages:
                return
            for message in messages:
                with translated(f"move a message from {self.name} to {to.name}"):
                    self._client.send_message(QueueUrl=to._url, **_again(message))
                    self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
                moved += 1
                yield moved

    def _received(self, *, hidden_s: int) -> list[Mapping[str, Any]]:
        with translated(f"read the queue {self.name}"):
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=_AT_ONCE,
                VisibilityTimeout=hidden_s,
                WaitTimeSeconds=_WAIT_S,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        messages: list[Mapping[str, Any]] = answer.get("Messages", [])
        return messages

    def _attributes(self, name: str) -> Mapping[str, str]:
        with translated(f"read the attributes of the queue {self.name}"):
            answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=[name])
        attributes: Mapping[str, str] = answer.get("Attributes", {})
        return attributes


def _again(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message as it was sent."""
    attributes = message["Attributes"]
    sent = {"MessageBody": message["Body"], "MessageAttributes": message.get("MessageAttributes", {})}
    if "MessageGroupId" in attributes:
        # Under an id of its own: with the first one SQS would take it for a duplicate for five minutes.
        sent |= {"MessageGroupId": attributes["MessageGroupId"], "MessageDeduplicationId": str(uuid.uuid4())}
    if "AWSTraceHeader" in attributes:
        header = {"DataType": "String", "StringValue": attributes["AWSTraceHeader"]}
        sent["MessageSystemAttributes"] = {"AWSTraceHeader": header}
    return sent


def _absent(name: str) -> QueueError:
    return QueueError(
        f"There is no queue {name}",
        why="SQS knows none of this name in this account and Region",
        remedy="Deploy the service, or name its stage with --stage.",
    )
