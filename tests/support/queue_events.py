"""The events of SQS, SNS, EventBridge and schedules, with the fields that AWS documents for each."""

from __future__ import annotations

import json
from typing import Any

ACCOUNT = "123456789012"
REGION = "us-east-1"


def arn(service: str, name: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"


def sqs_record(body: Any, message_id: str = "1", *, queue: str = "book-imports", **attributes: str) -> dict[str, Any]:
    """A record as in "Using Lambda with Amazon SQS"; what is no text is sent as JSON."""
    return {
        "messageId": message_id,
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1545082649183",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": "1545082649185",
            **attributes,
        },
        "messageAttributes": {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": arn("sqs", queue),
        "awsRegion": REGION,
    }


def sqs(*bodies: Any, queue: str = "book-imports") -> dict[str, Any]:
    """A batch whose messages are called 1, 2, 3 and so on."""
    return {"Records": [sqs_record(body, str(number), queue=queue) for number, body in enumerate(bodies, 1)]}


def fifo(*messages: tuple[str, Any], queue: str = "orders.fifo") -> dict[str, Any]:
    """A batch of a FIFO queue, of pairs of a group and a body, whose messages are called 1, 2, 3 and so on."""
    return {
        "Records": [
            sqs_record(
                body,
                str(number),
                queue=queue,
                MessageGroupId=group,
                MessageDeduplicationId=str(number),
                SequenceNumber=f"{18849496460467696128 + number}",
            )
            for number, (group, body) in enumerate(messages, 1)
        ]
    }


def failed(*message_ids: str) -> dict[str, Any]:
    """The answer that returns these messages to their queue."""
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in message_ids]}


def notification(message: Any, *, topic: str = "price-changes") -> dict[str, Any]:
    """What SNS sends to a queue, without raw message delivery."""
    return {
        "Type": "Notification",
        "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
        "TopicArn": arn("sns", topic),
        "Subject": "TestInvoke",
        "Message": message if isinstance(message, str) else json.dumps(message),
        "Timestamp": "2019-01-02T12:45:07.000Z",
        "SignatureVersion": "1",
        "Signature": "tcc6faL2yUC6dgZdmrwh1Y4cGa/ebXEkAi6RibDsvpi+tE/1+82j...65r==",
        "SigningCertURL": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-ac565b8b1a6c5d002d.pem",
        "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
        "MessageAttributes": {
            "currency": {"Type": "String", "Value": "EUR"},
            "pages": {"Type": "Number", "Value": "12.50"},
            "cover": {"Type": "Binary", "Value": "iVBO"},
        },
    }


def sns(message: Any, *, topic: str = "price-changes") -> dict[str, Any]:
    """An event as in "Using Lambda with Amazon SNS", where two of the keys are written otherwise."""
    sent = notification(message, topic=topic)
    sent["SigningCertUrl"], sent["UnsubscribeUrl"] = sent.pop("SigningCertURL"), sent.pop("UnsubscribeURL")
    return {
        "Records": [
            {
                "EventVersion": "1.0",
                "EventSubscriptionArn": f"{arn('sns', topic)}:21be56ed-a058-49f5-8c98-aedd2564c486",
                "EventSource": "aws:sns",
                "Sns": sent,
            }
        ]
    }


def eventbridge(detail: Any, *, source: str = "fastapi-books", detail_type: str = "BookCreated") -> dict[str, Any]:
    """An event of a bus."""
    return {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT,
        "time": "2017-12-22T18:43:48Z",
        "region": REGION,
        "resources": ["arn:aws:ec2:us-west-1:123456789012:instance/i-1234567890abcdef0"],
        "detail": detail,
    }


def scheduled_by_a_rule(name: str) -> dict[str, Any]:
    """The event of an EventBridge rule that has a schedule."""
    event = eventbridge({}, source="aws.events", detail_type="Scheduled Event")
    return {**event, "resources": [arn("events", f"rule/{name}")]}


def scheduled(name: str) -> dict[str, Any]:
    """The default event of EventBridge Scheduler, whose detail is a text."""
    event = eventbridge("{}", source="aws.scheduler", detail_type="Scheduled Event")
    return {**event, "resources": [arn("scheduler", f"schedule/default/{name}")]}
