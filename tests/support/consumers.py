"""Functions behind the event sources of a local AWS, through boto3 and nothing else."""

from __future__ import annotations

import asyncio
import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from background import PATIENCE_S, eventually
from deployed_functions import Aws

from fastlambda_cli.local.model import LogLine

CONSUMER = """
    import json, os, signal, time

    def handler(event, context):
        print("EVENT " + json.dumps({"event": event, "arn": context.invoked_function_arn,
                                     "id": context.aws_request_id, "version": context.function_version}))
        return consume(event)

    def consume(event):
        %s
"""
"""A function that says what it got, and then does what the test puts in."""


@dataclass
class Sources:
    """Functions behind event sources, and what reached them."""

    aws: Aws
    names: Any = field(default_factory=itertools.count)

    def client(self, service: str) -> Any:
        return self.aws.client(service)

    def consumer(self, does: str = "return None", **configuration: Any) -> tuple[str, str]:
        """Deploy a function behind the alias `live`; return its name and the alias's ARN."""
        name = self.aws.create(CONSUMER % does, Publish=True, **configuration)
        alias = self.aws.lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
        return name, alias["AliasArn"]

    def queue(self, suffix: str = "", **attributes: str) -> tuple[str, str]:
        """Make a queue; return its URL and its ARN."""
        name = f"queue-{next(self.names)}{suffix}"
        url = self.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url, f"arn:aws:sqs:us-east-1:000000000000:{name}"

    def let(self, service: str, source: str, target: str) -> None:
        """Let a service bring to a function's alias, a queue or a topic what another resource has for it."""
        if ":lambda:" not in target:
            statement = {
                "Effect": "Allow",
                "Principal": {"Service": service},
                "Action": "sqs:SendMessage" if ":sqs:" in target else "sns:Publish",
                "Resource": target,
                "Condition": {"ArnEquals": {"aws:SourceArn": source}},
            }
            policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            if ":sns:" in target:
                self.client("sns").set_topic_attributes(TopicArn=target, AttributeName="Policy", AttributeValue=policy)
                return
            url = self.client("sqs").get_queue_url(QueueName=target.rpartition(":")[2])["QueueUrl"]
            self.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
            return
        name, alias = target.split(":")[6:]
        self.aws.lambda_.add_permission(
            FunctionName=name,
            Qualifier=alias,
            StatementId=f"statement-{next(self.names)}",
            Action="lambda:InvokeFunction",
            Principal=service,
            SourceArn=source,
        )

    def topic(self, *endpoints: str, allowed: bool = True, **attributes: str) -> str:
        """Make a topic with these functions and queues as its subscribers, who take what it has for them."""
        arn: str = self.client("sns").create_topic(Name=f"topic-{next(self.names)}")["TopicArn"]
        for endpoint in endpoints:
            protocol = endpoint.split(":")[2]
            self.client("sns").subscribe(TopicArn=arn, Protocol=protocol, Endpoint=endpoint, Attributes=attributes)
            if allowed:
                self.let("sns.amazonaws.com", arn, endpoint)
        return arn

    def rule(self, target: str, pattern: Any, *, allowed: bool = True, **settings: Any) -> str:
        """Have a rule of the default bus send what matches to a target, which takes it."""
        events, name = self.client("events"), f"rule-{next(self.names)}"
        arn: str = events.put_rule(Name=name, EventPattern=json.dumps(pattern))["RuleArn"]
        events.put_targets(Rule=name, Targets=[{"Id": "target", "Arn": target, **settings}])
        if allowed:
            self.let("events.amazonaws.com", arn, target)
        return arn

    def mapped(self, function: str, queue: str, *, again_s: int | None = None, **settings: Any) -> str:
        """Have a function consume a queue, and its answers name what failed; return the mapping's id.

        With `again_s`, what was not deleted comes again after so many seconds. Lambda makes no mapping of a queue whose
        visibility timeout is shorter than the function's timeout, but it may become so.
        """
        mapping = self.aws.lambda_.create_event_source_mapping(
            FunctionName=function,
            EventSourceArn=queue,
            **{"FunctionResponseTypes": ["ReportBatchItemFailures"], "Enabled": again_s is None} | settings,
        )["UUID"]
        if again_s is not None:
            sqs = self.client("sqs")
            url = sqs.get_queue_url(QueueName=queue.rpartition(":")[2])["QueueUrl"]
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(again_s)})
            self.aws.lambda_.update_event_source_mapping(UUID=mapping, Enabled=True)
        return mapping

    def send(self, url: str, *bodies: str, **parameters: Any) -> None:
        for body in bodies:
            self.client("sqs").send_message(QueueUrl=url, MessageBody=body, **parameters)

    def seen(self, function: str) -> list[dict[str, Any]]:
        """The invocations of a function until now: event, ARN, request id and version."""
        said = [line.text for line in self.aws.heard(LogLine) if line.text.startswith("EVENT ")]
        invocations = [json.loads(text.removeprefix("EVENT ")) for text in said]
        return [each for each in invocations if f":function:{function}:" in f"{each['arn']}:"]

    def bodies(self, function: str) -> list[str]:
        """The bodies of all the messages that reached a function, in their order."""
        return [record["body"] for each in self.seen(function) for record in each["event"]["Records"]]

    def eventually_seen(self, function: str, count: int = 1) -> list[dict[str, Any]]:
        return eventually(lambda: seen if len(seen := self.seen(function)) >= count else None)

    def eventually_bodies(self, function: str, count: int) -> list[str]:
        return eventually(lambda: bodies if len(bodies := self.bodies(function)) >= count else None)

    def eventually_in(self, url: str, count: int = 1) -> list[dict[str, Any]]:
        """Take messages out of a queue that no function consumes."""
        taken: list[dict[str, Any]] = []

        def enough() -> bool:
            answer = self.client("sqs").receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"]
            )
            taken.extend(answer.get("Messages", []))
            return len(taken) >= count

        eventually(enough)
        return taken

    def emptied(self, url: str) -> list[str]:
        """Take all messages out of a queue that nobody else reads; return their bodies."""
        sqs, bodies = self.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            bodies += [message["Body"] for message in messages]
            entries = [{"Id": one["MessageId"], "ReceiptHandle": one["ReceiptHandle"]} for one in messages]
            sqs.delete_message_batch(QueueUrl=url, Entries=entries)
        return bodies

    def eventually_empty(self, url: str, patience_s: float = PATIENCE_S, pause_s: float = 0.01) -> None:
        """Wait until a queue has no message, visible or in flight."""
        kinds = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        ask = self.client("sqs").get_queue_attributes
        # Both numbers of one moment: a message may become visible between two questions.
        eventually(
            lambda: set(ask(QueueUrl=url, AttributeNames=kinds)["Attributes"].values()) == {"0"}, patience_s, pause_s
        )

    def eventually_not_polled(self, queue: str) -> None:
        """Wait until nobody asks for the messages of a queue any more."""

        async def polled() -> bool:
            return f"poller of {queue.rpartition(':')[2]}" in {task.get_name() for task in asyncio.all_tasks()}

        eventually(lambda: not self.aws.run(polled()))
