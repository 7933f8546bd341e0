"""The few operations of the emulator's services that event sources need, over its private socket.

Not boto3: it would block the event loop, and the private socket wants no signature.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.aws.events.trace_headers import TraceHeaders
from fastlambda_cli.local.aws.source import Source

_ATTEMPTS = 3
"""How often an operation is asked of an emulator that dies over it."""
AT_ONCE = 10
"""Amazon SQS API Reference: the most messages that one request takes."""


class QueueMissingError(Exception):
    """There is no such queue."""


class Services:
    """Calls operations in the JSON protocols.

    Args:
        source: The emulator.
        traces: The tracing headers of what was sent to it.

    """

    def __init__(self, source: Source, traces: TraceHeaders) -> None:
        self._source = source
        self.traces = traces

    async def mappings(self) -> list[Mapping[str, Any]]:
        """ListEventSourceMappings of Lambda.

        Raises:
            EmulatorError: The emulator does not answer.

        """
        found: list[Mapping[str, Any]] = []
        marker = ""
        while True:
            query = f"?Marker={marker}" if marker else ""
            async with self._source.client() as client:
                page = await self._asked(client, "GET", f"/2015-03-31/event-source-mappings/{query}", None, {})
            found += page["EventSourceMappings"]
            marker = page.get("NextMarker", "")
            if not marker:
                return found

    async def call(self, target: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call one operation, such as `AmazonSQS.DeleteMessageBatch`.

        An operation may be asked twice when the emulator dies over it.

        Raises:
            QueueMissingError: It concerns a queue that does not exist.
            EmulatorError: The emulator does not answer, or refuses.

        """
        headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": target}
        async with self._source.client() as client:
            return await self._asked(client, "POST", "/", json.dumps(parameters).encode(), headers)

    async def put_event(self, entry: Mapping[str, Any]) -> None:
        """PutEvents of EventBridge, with one event.

        Raises:
            EmulatorError: The emulator does not answer, or refuses.

        """
        await self.call("AWSEvents.PutEvents", {"Entries": [entry]})

    async def publish(
        self, parameters: Mapping[str, str], attributes: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        """Publish of SNS, in its query protocol.

        Raises:
            EmulatorError: The emulator does not answer, or refuses.

        """
        form = {"Action": "Publish", "Version": "2010-03-31", **parameters}
        for index, (name, value) in enumerate((attributes or {}).items(), start=1):
            prefix = f"MessageAttributes.entry.{index}"
            form |= {f"{prefix}.Name": name, **{f"{prefix}.Value.{key}": part for key, part in value.items()}}
        async with self._source.client() as client:
            await self._source.available()
            try:
                response = await client.post("/", data=form, headers={"host": "sns.localhost"})
            except httpx.TransportError as problem:
                raise _refused("Publish", str(problem) or type(problem).__name__) from problem
        if not response.is_success:
            raise _refused("Publish", f"{response.status_code}: {response.text}")

    async def _asked(
        self, client: httpx.AsyncClient, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Mapping[str, Any]:
        what = headers.get("x-amz-target", path)
        problem: Exception | None = None
        for _ in range(_ATTEMPTS):
            await self._source.available()
            try:
                response = await client.request(method, path, content=body, headers=dict(headers))
                answer: Mapping[str, Any] = response.json() if response.content else {}
            except (httpx.TransportError, ValueError) as failure:  # it died; it comes back, or `available` says why not
                problem = failure
                continue
            if response.is_success:
                return answer
            code = str(answer.get("__type", "")).rpartition("#")[2]
            if code in {"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"}:
                raise QueueMissingError(code)
            raise _refused(what, f"{code or response.status_code}: {answer.get('message') or answer.get('Message')}")
        raise _refused(what, str(problem) or type(problem).__name__) from problem


class Queue:
    """One queue.

    Args:
        services: Calls SQS.
        name: The queue's name.

    Every method raises QueueMissingError and EmulatorError.

    """

    def __init__(self, services: Services, name: str) -> None:
        self._services = services
        self.name = name
        self._url = ""

    async def receive(self, most: int, wait_s: int) -> Sequence[Mapping[str, Any]]:
        """ReceiveMessage with every attribute: at most ten messages, after at most twenty seconds.

        The tracing header is among the attributes, also where the emulator has dropped it.
        """
        parameters = {
            "MaxNumberOfMessages": min(most, AT_ONCE),
            "WaitTimeSeconds": wait_s,
            "AttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        }
        answer = await self._call("ReceiveMessage", parameters)
        messages: Sequence[dict[str, Any]] = answer.get("Messages") or ()
        for message in messages:
            if header := await self._services.traces.of_message(message):
                message["Attributes"] = {"AWSTraceHeader": header, **message.get("Attributes", {})}
        return messages

    async def send(self, body: str, attributes: Mapping[str, Mapping[str, str]] | None = None) -> None:
        """SendMessage."""
        await self._call("SendMessage", {"MessageBody": body, "MessageAttributes": attributes or {}})

    async def delete(self, receipts: Sequence[str]) -> None:
        """DeleteMessageBatch, as often as it takes."""
        await self._in_batches("DeleteMessageBatch", [{"ReceiptHandle": receipt} for receipt in receipts])

    async def release(self, receipts: Sequence[str]) -> None:
        """Have messages be visible again at once."""
        entries = [{"ReceiptHandle": receipt, "VisibilityTimeout": 0} for receipt in receipts]
        await self._in_batches("ChangeMessageVisibilityBatch", entries)

    async def visibility_timeout(self) -> int:
        """Seconds for which a message that was received stays invisible."""
        answer = await self._call("GetQueueAttributes", {"AttributeNames": ["VisibilityTimeout"]})
        return int(answer["Attributes"]["VisibilityTimeout"])

    async def _in_batches(self, operation: str, entries: Sequence[Mapping[str, Any]]) -> None:
        for start in range(0, len(entries), AT_ONCE):
            batch = [{"Id": str(index), **entry} for index, entry in enumerate(entries[start : start + AT_ONCE])]
            await self._call(operation, {"Entries": batch})

    async def _call(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        if not self._url:
            answer = await self._services.call("AmazonSQS.GetQueueUrl", {"QueueName": self.name})
            self._url = answer["QueueUrl"]
        return await self._services.call(f"AmazonSQS.{operation}", {"QueueUrl": self._url, **parameters})


def _refused(what: str, why: str) -> EmulatorError:
    return EmulatorError(
        f"The emulator did not answer {what}", why=why, remedy="emulator.log in the state directory tells more."
    )
