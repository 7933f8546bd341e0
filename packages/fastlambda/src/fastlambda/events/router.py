"""EventRouter: the consumers of a service, declared with decorators, and what it publishes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from fastlambda.errors import EventDeclarationError
from fastlambda.events.consumer import Consumer
from fastlambda.events.declarations import (
    Declaration,
    Destination,
    EventBridgeDeclaration,
    ScheduleDeclaration,
    SnsDeclaration,
    SqsDeclaration,
)

if TYPE_CHECKING:
    from fastlambda.events.publish import Bus, Queue, Topic
    from fastlambda.idempotency.keys import Key

Function = TypeVar("Function", bound=Callable[..., Any])
Message = TypeVar("Message")


class EventRouter:
    """The consumers of a service: `handler = FastLambda(app, events=events)`.

    A decorated function stays what it is and can be called by tests. One of its parameters may take the message: of
    the type `str` the text, of any other type JSON, validated by Pydantic. Parameters of the type of an envelope
    (`SqsMessage`, `SnsMessage`, `EventBridgeEvent`, `ScheduledEvent`) get it; all others are dependencies.

    Args:
        unknown: What becomes of an event that is for no consumer: `raise` fails the invocation with
            UnknownEventError, `ignore` writes a warning. Messages of a queue without a consumer always fail: ignored
            ones would be deleted.
        deadline_reserve: Seconds before the invocation's deadline at which a batch ends: what still runs is cancelled
            and, with what has not begun, goes back to the queue. At most a tenth of the time that there is.

    """

    def __init__(self, *, unknown: Literal["raise", "ignore"] = "raise", deadline_reserve: float = 1.0) -> None:
        if unknown not in ("raise", "ignore"):
            raise EventDeclarationError(f"unknown is {unknown!r}", why="it must be 'raise' or 'ignore'")
        if deadline_reserve <= 0:
            raise EventDeclarationError(f"deadline_reserve is {deadline_reserve}", why="it must be more than 0 seconds")
        self.unknown = unknown
        self.deadline_reserve = deadline_reserve
        self._consumers: dict[str, Consumer] = {}
        self._destinations: list[Destination] = []

    def sqs(  # noqa: PLR0913 - each is an option of AWS's own, and all but the first have a default
        self,
        queue: str,
        *,
        batch_size: int = 10,
        window: int = 0,
        concurrency: int = 10,
        maximum_concurrency: int | None = None,
        filters: Sequence[Mapping[str, Any]] = (),
        max_receive_count: int = 3,
        topic: str | None = None,
        function: str | None = None,
        unwrap: bool = True,
        idempotent: Key | None = None,
    ) -> Callable[[Function], Function]:
        """Consume the messages of a queue, in batches of which only the failed messages go back.

        Args:
            queue: The queue's name, of a FIFO queue with its `.fifo`, or the ARN of one that exists.
            batch_size: Messages in a batch: at most 10,000, of a FIFO queue 10; more than 10 take a window.
            window: Seconds in which a batch is gathered, up to 300; not for FIFO queues.
            concurrency: Messages that are handled side by side. Of a FIFO queue it counts message groups: within a
                group they are handled one after the other, and after a failure the rest of the group goes back.
            maximum_concurrency: How many environments the queue may occupy, 2 to 1000.
            filters: Event filter patterns; a message that matches none is deleted by Lambda.
            max_receive_count: Deliveries until a message goes to the dead-letter queue.
            topic: The name or the ARN of a topic that the queue is subscribed to. It is made unless it exists; only a
                FIFO topic has FIFO queues.
            function: The Lambda function that is to run the consumer; None for the one that answers HTTP.
            unwrap: Whether a message that SNS or EventBridge has sent is taken out of their envelopes.
            idempotent: What tells one message from another, which has its effect once then: a JMESPath expression on
                its JSON, such as `"order_id"`, or a function of the consumer's own parameters, by their names. None
                to handle every delivery.

        Raises:
            EventDeclarationError: AWS would refuse this, or the function cannot be called with a record.

        """

        def declared(consumer: Function) -> Function:
            declaration = SqsDeclaration(
                name=queue,
                consumer=_where(consumer),
                function=function,
                batch_size=batch_size,
                window=window,
                concurrency=concurrency,
                maximum_concurrency=maximum_concurrency,
                filters=tuple(filters),
                max_receive_count=max_receive_count,
                topic=topic,
            )
            return self._add(declaration, consumer, unwrap=unwrap, idempotent=idempotent)

        return declared

    def sns(
        self,
        topic: str,
        *,
        filter_policy: Mapping[str, Any] | None = None,
        filter_scope: Literal["MessageAttributes", "MessageBody"] = "MessageAttributes",
        function: str | None = None,
        unwrap: bool = True,
        idempotent: Key | None = None,
    ) -> Callable[[Function], Function]:
        """Consume the messages of a topic; an exception fails the invocation, and Lambda retries.

        Args:
            topic: The topic's name, or the ARN of one that exists. The messages of a FIFO topic reach queues alone.
            filter_policy: The subscription's filter policy.
            filter_scope: What the policy is about.
            function: The Lambda function that is to run the consumer; None for the one that answers HTTP.
            unwrap: Whether a message that EventBridge has sent is taken out of its envelope.
            idempotent: As of `sqs`.

        Raises:
            EventDeclarationError: AWS would refuse this, or the function cannot be called with a record.

        """

        def declared(consumer: Function) -> Function:
            declaration = SnsDeclaration(
                name=topic,
                consumer=_where(consumer),
                function=function,
                filter_policy=filter_policy,
                filter_scope=filter_scope,
            )
            return self._add(declaration, consumer, unwrap=unwrap, idempotent=idempotent)

        return declared

    def eventbridge(
        self,
        *,
        source: str,
        detail_type: str | None = None,
        detail: Mapping[str, Any] | None = None,
        bus: str = "default",
        name: str | None = None,
        function: str | None = None,
        idempotent: Key | None = None,
    ) -> Callable[[Function], Function]:
        """Consume the events of a bus; an exception fails the invocation, and Lambda retries.

        An event names neither its bus nor its rule, so no two consumers may declare the same source and detail-type.

        Args:
            source: The events' source.
            detail_type: Their detail-type; None for all of the source.
            detail: An event pattern for their detail.
            bus: The bus's name.
            name: The rule's name; None for the function's.
            function: The Lambda function that is to run the consumer; None for the one that answers HTTP.
            idempotent: As of `sqs`; the JSON is the event's detail.

        Raises:
            EventDeclarationError: AWS would refuse this, or the function cannot be called with a record.

        """

        def declared(consumer: Function) -> Function:
            declaration = EventBridgeDeclaration(
                consumer=_where(consumer),
                name=name or consumer.__name__,
                function=function,
                source=source,
                detail_type=detail_type,
                detail=detail,
                bus=bus,
            )
            return self._add(declaration, consumer, idempotent=idempotent)

        return declared

    def schedule(
        self,
        expression: str,
        *,
        timezone: str = "UTC",
        name: str | None = None,
        function: str | None = None,
        idempotent: Key | None = None,
    ) -> Callable[[Function], Function]:
        """Run a function on a schedule; an exception fails the invocation, and Lambda retries.

        Args:
            expression: `rate(1 hour)`, `cron(0 3 * * ? *)` or `at(2026-12-24T18:00:00)`.
            timezone: The time zone of the expression.
            name: The schedule's name; None for the function's.
            function: The Lambda function that is to run the consumer; None for the one that answers HTTP.
            idempotent: As of `sqs`; a schedule has no JSON, so it is a function, such as `lambda event: event.time`.

        Raises:
            EventDeclarationError: AWS would refuse this, or the function cannot be called with a record.

        """

        def declared(consumer: Function) -> Function:
            declaration = ScheduleDeclaration(
                consumer=_where(consumer),
                name=name or consumer.__name__,
                function=function,
                expression=expression,
                timezone=timezone,
            )
            return self._add(declaration, consumer, idempotent=idempotent)

        return declared

    def queue(self, name: str, message: type[Message]) -> Queue[Message]:
        """Declare a queue that the service sends messages to: at the top level of a module, where it is read.

        Args:
            name: The name of a queue that one of the consumers has, or the ARN of one that exists.
            message: The type of its messages.

        Raises:
            EventDeclarationError: AWS would refuse this.

        """
        from fastlambda.events.publish import Queue  # noqa: PLC0415 - who publishes nothing does not load it

        return Queue(self._publishes(Destination(kind="sqs", name=name)), message)

    def topic(self, name: str, message: type[Message]) -> Topic[Message]:
        """Declare a topic that the service publishes to: at the top level of a module, where it is read.

        Args:
            name: The topic's name, of a FIFO topic with its `.fifo`, or the ARN of one that exists.
            message: The type of its messages.

        Raises:
            EventDeclarationError: AWS would refuse this.

        """
        from fastlambda.events.publish import Topic  # noqa: PLC0415

        return Topic(self._publishes(Destination(kind="sns", name=name)), message)

    def bus(self, name: str = "default", *, source: str) -> Bus:
        """Declare a bus that the service puts events on: at the top level of a module, where it is read.

        Args:
            name: The name or the ARN of a bus; every account has the default one. A stage may put another in its place.
            source: The source of the events; the function may put those of no other source.

        Raises:
            EventDeclarationError: AWS would refuse this.

        """
        from fastlambda.events.publish import Bus  # noqa: PLC0415

        return Bus(self._publishes(Destination(kind="eventbridge", name=name, source=source)))

    def include(self, other: EventRouter) -> None:
        """Take over the consumers and destinations that another router has by now, but none of its settings.

        Raises:
            EventDeclarationError: both have a consumer for the same source.

        """
        for consumer in other.consumers():
            self._register(consumer)
        self._destinations += other.destinations()

    def declarations(self) -> tuple[Declaration, ...]:
        """Return what is consumed, in the order of declaration."""
        return tuple(consumer.declaration for consumer in self._consumers.values())

    def destinations(self) -> tuple[Destination, ...]:
        """Return what is published to, in the order of declaration."""
        return tuple(self._destinations)

    def consumers(self) -> tuple[Consumer, ...]:
        """Return the consumers, in the order of declaration."""
        return tuple(self._consumers.values())

    def _publishes(self, destination: Destination) -> Destination:
        self._destinations.append(destination)
        return destination

    def _add(
        self, declaration: Declaration, function: Function, *, unwrap: bool = True, idempotent: Key | None
    ) -> Function:
        self._register(Consumer(declaration, function, unwrap=unwrap, idempotent=idempotent))
        return function

    def _register(self, consumer: Consumer) -> None:
        added = consumer.declaration
        for declaration in self.declarations():
            if declaration.key == added.key or _overlap(declaration, added):
                raise EventDeclarationError(
                    f"{added.key} has two consumers",
                    why=f"{declaration.consumer} ({declaration.key}) and {added.consumer} would take the same events",
                    remedy="Let one of them call the other, or give the second a queue of its own.",
                )
        self._consumers[added.key] = consumer


def _overlap(one: Declaration, other: Declaration) -> bool:
    return isinstance(one, EventBridgeDeclaration) and isinstance(other, EventBridgeDeclaration) and one.overlaps(other)


def _where(function: Callable[..., Any]) -> str:
    name = getattr(function, "__qualname__", None)
    if name is None:
        raise EventDeclarationError(
            f"{function!r} cannot be a consumer", why="it has no name", remedy="Write a function that calls it."
        )
    return f"{function.__module__}:{name}"
