"""X-Ray's tracing header of messages and events on their way through the emulator, which drops it.

SQS, SNS and EventBridge carry the header of what was sent to what is delivered (AWS X-Ray Developer Guide, "Amazon SQS
and AWS X-Ray", "Amazon SNS and AWS X-Ray", "Amazon EventBridge and AWS X-Ray"). Here it is remembered by the id that
the emulator gives in its answer, and found again by that id when the message or event is delivered. A topic or a bus
hands it to a queue as another message, with an id of its own: there the id is that of the envelope in the body, which
raw message delivery and a transformed input do not have. It is forgotten with the process.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

from fastlambda_cli.local.serve import AsgiApp, Message, Receive, Scope, Send

_KEPT = 10_000
"""Messages; older ones have been delivered or wait for longer than anybody watches."""

_MOST_ENVELOPES = 2
"""A topic's, and in it a bus's."""

_MESSAGE_ID = re.compile(rb"<MessageId>([^<]+)</MessageId>")

Pairs = Iterable[tuple[str, str | None]]
"""Ids, and the header of each."""

Reader = Callable[[Any, bytes, str | None], Pairs]
"""Reads a request, its answer, and the header of the request itself."""


class TraceHeaders:
    """Remembers the header of everything that is sent through an app."""

    def __init__(self) -> None:
        self._headers: dict[str, str] = {}
        self._sending: set[asyncio.Future[None]] = set()

    def noticing(self, app: AsgiApp) -> AsgiApp:
        """Have the requests to the app read that send something."""

        async def noticed(scope: Scope, receive: Receive, send: Send) -> None:
            headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
            reader = _reader(scope, headers)
            if reader is None:
                await app(scope, receive, send)
                return
            ended = asyncio.get_running_loop().create_future()
            self._sending.add(ended)
            try:
                await self._read(app, (scope, receive, send), reader, headers.get(b"x-amzn-trace-id"))
            finally:
                self._sending.discard(ended)
                ended.set_result(None)

        return noticed

    async def of(self, identifier: str) -> str | None:
        """The header of a message or an event; None for one that was sent without.

        An emulator may deliver before it answers who has sent, so requests that are under way are waited for.
        """
        if identifier not in self._headers and self._sending:
            await asyncio.wait(set(self._sending))
        return self._headers.get(identifier)

    async def of_message(self, message: Mapping[str, Any]) -> str | None:
        """The header of a message that SQS has handed out; None for one that was sent without."""
        if header := await self.of(message["MessageId"]):
            return header
        for identifier in _origins(message.get("Body", "")):
            if header := self._headers.get(identifier):
                return header
        return None

    async def _read(
        self, app: AsgiApp, exchange: tuple[Scope, Receive, Send], reader: Reader, header: str | None
    ) -> None:
        scope, receive, send = exchange
        request, answer = bytearray(), bytearray()
        ok = False

        async def received() -> Message:
            message = await receive()
            request.extend(message.get("body", b""))
            return message

        async def sent(message: Message) -> None:
            nonlocal ok
            if message["type"] == "http.response.start":
                ok = message["status"] == 200  # noqa: PLR2004
            answer.extend(message.get("body", b""))
            if ok and message["type"] == "http.response.body" and not message.get("more_body", False):
                self._keep(reader(bytes(request), bytes(answer), header))
            await send(message)

        await app(scope, received, sent)

    def _keep(self, pairs: Pairs) -> None:
        self._headers |= {identifier: header for identifier, header in pairs if header}
        while len(self._headers) > _KEPT:
            del self._headers[next(iter(self._headers))]


def _origins(body: str) -> Iterator[str]:
    """The ids of what a topic, a bus, or a bus through a topic has put into a message of a queue."""
    for _ in range(_MOST_ENVELOPES):
        try:
            found = json.loads(body) if body.startswith("{") else None
        except ValueError:
            return
        match found:
            case {"Type": "Notification", "MessageId": str(identifier), "TopicArn": str(), "Message": str(inner)}:
                yield identifier
                body = inner
            case {"id": str(identifier), "detail-type": str(), "source": str(), "detail": _}:
                yield identifier
                return
            case _:
                return


def _reader(scope: Scope, headers: Mapping[bytes, str]) -> Reader | None:
    if scope["method"] != "POST":
        return None
    reader = _READERS.get(headers.get(b"x-amz-target", ""))
    if reader is not None:
        return reader
    form = headers.get(b"content-type", "").startswith("application/x-www-form-urlencoded")
    return _published if form and b"x-amzn-trace-id" in headers else None


def _message(request: bytes, answer: bytes, header: str | None) -> Pairs:
    yield json.loads(answer)["MessageId"], _own(json.loads(request)) or header


def _messages(request: bytes, answer: bytes, header: str | None) -> Pairs:
    own = {entry["Id"]: _own(entry) for entry in json.loads(request)["Entries"]}
    for taken in json.loads(answer).get("Successful", ()):
        yield taken["MessageId"], own[taken["Id"]] or header


def _own(entry: Mapping[str, Any]) -> str | None:
    attribute = (entry.get("MessageSystemAttributes") or {}).get("AWSTraceHeader") or {}
    found: str | None = attribute.get("StringValue")
    return found


def _put(request: bytes, answer: bytes, header: str | None) -> Pairs:
    entries = json.loads(request)["Entries"]
    for entry, taken in zip(entries, json.loads(answer)["Entries"], strict=True):
        if "EventId" in taken:
            yield taken["EventId"], entry.get("TraceHeader") or header


def _published(request: bytes, answer: bytes, header: str | None) -> Pairs:
    if parse_qs(request.decode("utf-8", "replace")).get("Action", [""])[0] in {"Publish", "PublishBatch"}:
        for identifier in _MESSAGE_ID.findall(answer):
            yield identifier.decode(), header


_READERS: dict[str, Reader] = {
    "AmazonSQS.SendMessage": _message,
    "AmazonSQS.SendMessageBatch": _messages,
    "AWSEvents.PutEvents": _put,
}
