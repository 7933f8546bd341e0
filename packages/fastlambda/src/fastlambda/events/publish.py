"""What a service publishes to: queues, topics and buses, declared on the EventRouter beside its consumers.

    imports = events.queue("book-imports", BookCreate)      await imports.send(book)
    prices = events.topic("price-changes", PriceChange)     await prices.publish(change)
    bus = events.bus(source="fastapi-books")                await bus.put("BookCreated", book)

A message takes the correlation id and the trace of what published it with it, and its consumer goes on with both: see
`fastlambda.events.publish_origin`. `publish_requests` makes requests of messages and knows what each service limits,
`publish_batches` sends them, `publish_clients` has the SDK's clients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from fastlambda.errors import InvalidMessageError, PublishError
from fastlambda.events.declarations import Destination
from fastlambda.events.publish_origin import Origin

if TYPE_CHECKING:
    from fastlambda.events.publish_requests import Attribute, Entry, Requests

Message = TypeVar("Message")
OfMessage: TypeAlias = str | Callable[[Message], str] | None
"""One text for all messages, or what makes one of each."""

_MAX_DELAY = 900
"""Seconds (Amazon SQS API Reference, "SendMessage")."""


class Queue(Generic[Message]):
    """A queue that messages of one type are sent to: `imports = events.queue("book-imports", BookCreate)`.

    Args:
        destination: Which queue.
        message: The messages' type; of `str` a message is the text itself, of all others JSON, as consumers take it.

    """

    def __init__(self, destination: Destination, message: type[Message]) -> None:
        self.destination = destination
        self._text = _Text(destination, message)

    async def send(
        self,
        message: Message,
        *,
        delay: int | None = None,
        group: str | None = None,
        deduplication_id: str | None = None,
        attributes: Mapping[str, Attribute] | None = None,
    ) -> str:
        """Send a message; return its id.

        Args:
            message: The message.
            delay: Seconds until it can be received, at most 900; None for what the queue says. Not for FIFO queues.
            group: The message group: a FIFO queue needs one, to others it is the tenant of fair queues.
            deduplication_id: Of FIFO queues: within five minutes, SQS takes a second message of the same id for the
                first. None makes each call of this method one message.
            attributes: What stands beside the message, at most nine.

        Raises:
            InvalidMessageError: The message is not of the queue's type; nothing was sent.
            PublishError: SQS has not taken it, or could not be reached.

        """
        (sent,) = await self.send_many(
            (message,), delay=delay, group=group, deduplication_id=deduplication_id, attributes=attributes
        )
        return sent

    async def send_many(
        self,
        messages: Iterable[Message],
        *,
        delay: int | None = None,
        group: OfMessage[Message] = None,
        deduplication_id: OfMessage[Message] = None,
        attributes: Mapping[str, Attribute] | None = None,
    ) -> list[str]:
        """Send messages, as many in one request as SQS takes; return their ids, in the order of the messages.

        The messages of a FIFO queue are sent one request after the other, and none after the first failure, so that
        no group gets out of its order. The arguments are those of `send`; a function makes one for each message.

        Raises:
            InvalidMessageError: A message is not of the queue's type; nothing was sent.
            PublishError: SQS has not taken all of them; it names those, and knows the ids of the others.

        """
        from fastlambda.events.publish_requests import QueueRequests  # noqa: PLC0415 - INIT sends nothing

        self._check(delay, group, deduplication_id)
        requests = QueueRequests(self.destination, Origin.current(), delay, attributes or {})
        entries = [
            requests.entry(self._text.of(message, index), _of(group, message), _of(deduplication_id, message))
            for index, message in enumerate(messages)
        ]
        return await _sent(requests, entries, in_order=self.destination.fifo)

    def _check(self, delay: int | None, group: OfMessage[Message], deduplication_id: OfMessage[Message]) -> None:
        _check_order(self.destination, group, deduplication_id)
        if self.destination.fifo and delay is not None:
            raise PublishError(f"A message for {self.destination.key} cannot have a delay", why="it is a FIFO queue")
        if delay is not None and not 0 <= delay <= _MAX_DELAY:
            raise PublishError(f"The delay is {delay}", why=f"SQS takes 0 to {_MAX_DELAY} seconds")


class Topic(Generic[Message]):
    """A topic that messages of one type are published to: `prices = events.topic("price-changes", PriceChange)`.

    Args:
        destination: Which topic.
        message: The messages' type; of `str` a message is the text itself, of all others JSON, as consumers take it.

    """

    def __init__(self, destination: Destination, message: type[Message]) -> None:
        self.destination = destination
        self._text = _Text(destination, message)

    async def publish(
        self,
        message: Message,
        *,
        subject: str | None = None,
        group: str | None = None,
        deduplication_id: str | None = None,
        attributes: Mapping[str, Attribute] | None = None,
    ) -> str:
        """Publish a message; return its id.

        Args:
            message: The message.
            subject: What a subscriber by e-mail gets as the subject.
            group: The message group: a FIFO topic needs one, of others it is the tenant of fair queues that subscribe.
            deduplication_id: Of FIFO topics: within five minutes, SNS takes a second message of the same id for the
                first. None makes each call of this method one message.
            attributes: What stands beside the message, and what subscriptions filter by unless they say otherwise.

        Raises:
            InvalidMessageError: The message is not of the topic's type; nothing was published.
            PublishError: SNS has not taken it, or could not be reached.

        """
        (published,) = await self.publish_many(
            (message,), subject=subject, group=group, deduplication_id=deduplication_id, attributes=attributes
        )
        return published

    async def publish_many(
        self,
        messages: Iterable[Message],
        *,
        subject: str | None = None,
        group: OfMessage[Message] = None,
        deduplication_id: OfMessage[Message] = None,
        attributes: Mapping[str, Attribute] | None = None,
    ) -> list[str]:
        """Publish messages, as many in one request as SNS takes; return their ids, in the order of the messages.

        The messages of a FIFO topic are published one request after the other, and none after the first failure. The
        arguments are those of `publish`; a function makes one for each message.

        Raises:
            InvalidMessageError: A message is not of the topic's type; nothing was published.
            PublishError: SNS has not taken all of them; it names those, and knows the ids of the others.

        """
        from fastlambda.events.publish_requests import TopicRequests  # noqa: PLC0415

        _check_order(self.destination, group, deduplication_id)
        requests = TopicRequests(self.destination, Origin.current(), subject, attributes or {})
        entries = [
            requests.entry(self._text.of(message, index), _of(group, message), _of(deduplication_id, message))
            for index, message in enumerate(messages)
        ]
        return await _sent(requests, entries, in_order=self.destination.fifo)


class Bus:
    """A bus that events of one source are put on: `bus = events.bus(source="fastapi-books")`.

    Args:
        destination: Which bus, and the source of the events.

    """

    def __init__(self, destination: Destination) -> None:
        self.destination = destination

    async def put(self, detail_type: str, detail: Any, *, resources: Sequence[str] = ()) -> str:
        """Put an event on the bus; return its id.

        Args:
            detail_type: What it is.
            detail: What it says: a Pydantic model, a dataclass or a mapping.
            resources: The ARNs that it is about.

        Raises:
            InvalidMessageError: The detail is no JSON object; nothing was put.
            PublishError: EventBridge has not taken it, or could not be reached.

        """
        (put,) = await self.put_many(detail_type, (detail,), resources=resources)
        return put

    async def put_many(self, detail_type: str, details: Iterable[Any], *, resources: Sequence[str] = ()) -> list[str]:
        """Put events of one type, as many in one request as EventBridge takes; return their ids in the same order.

        Raises:
            InvalidMessageError: A detail is no JSON object; nothing was put.
            PublishError: EventBridge has not taken all of them; it names those, and knows the ids of the others.

        """
        from fastlambda.events.publish_requests import BusRequests  # noqa: PLC0415

        requests = BusRequests(self.destination, Origin.current(), resources)
        entries = [requests.entry(detail_type, self._object(detail, index)) for index, detail in enumerate(details)]
        return await _sent(requests, entries)

    def _object(self, detail: Any, index: int) -> str:
        try:
            text = to_json(detail, by_alias=True).decode()
        except PydanticSerializationError as error:
            why = str(error)
        else:
            if text.startswith("{"):
                return text
            why = f"{type(detail).__name__} is no JSON object, which EventBridge asks for"
        raise _not_sent(self.destination, index, why)


class _Text:
    """Makes the text of a message, such that the consumer of its type reads the same message again."""

    def __init__(self, destination: Destination, message: Any) -> None:
        self._destination = destination
        self._adapter: TypeAdapter[Any] = TypeAdapter(message)
        self._is_text = message is str

    def of(self, message: Any, index: int) -> str:
        """Return the text of a message, which is the one of this index.

        Raises:
            InvalidMessageError: It is not of the type; its values are in no part of the error.

        """
        try:
            text: str = self._adapter.validate_python(message) if self._is_text else self._json(message)
        except ValidationError as error:
            why = "; ".join(one["msg"] for one in error.errors(include_input=False, include_url=False))
        except PydanticSerializationError:
            why = f"{type(message).__name__} is of another type"
        else:
            return text
        # Outside of the handler: as its cause, Pydantic's error would show the values in every traceback.
        raise _not_sent(self._destination, index, why)

    def _json(self, message: Any) -> str:
        return self._adapter.dump_json(message, by_alias=True, warnings="error").decode()


async def _sent(requests: Requests, entries: Sequence[Entry], *, in_order: bool = False) -> list[str]:
    from fastlambda.events.publish_batches import Batches  # noqa: PLC0415

    return await Batches(requests, in_order=in_order).send(entries)


def _check_order(destination: Destination, group: OfMessage[Any], deduplication_id: OfMessage[Any]) -> None:
    what = "queue" if destination.kind == "sqs" else "topic"
    if destination.fifo and group is None:
        raise PublishError(f"A message for {destination.key} needs a group", why=f"it is a FIFO {what}")
    if not destination.fifo and deduplication_id is not None:
        raise PublishError(
            f"A message for {destination.key} cannot have a deduplication_id", why=f"it is no FIFO {what}"
        )


def _of(value: OfMessage[Message], message: Message) -> str | None:
    return value(message) if callable(value) else value


def _not_sent(destination: Destination, index: int, why: str) -> InvalidMessageError:
    return InvalidMessageError(f"Message {index} is none for {destination.key}, and nothing was sent", why=why)
