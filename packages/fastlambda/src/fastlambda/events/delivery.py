"""From an event to its consumer: what FastLambda hands every event to when it has an EventRouter."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from fastlambda import exchange
from fastlambda.errors import UnknownEventError
from fastlambda.events.attempts import Attempts
from fastlambda.events.declarations import SqsDeclaration
from fastlambda.events.sources import Found, NoConsumerError, Sources
from fastlambda.failure import raisable
from fastlambda.observe import logging as logs
from fastlambda.observe import metrics
from fastlambda.routes import innermost
from fastlambda.settings import current

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch import BatchProcessor
    from mangum.types import ASGI, LambdaContext

    from fastlambda.events.router import EventRouter
    from fastlambda.observe.tracing import EventTracer

_log = logging.getLogger(__name__)

Handler = Callable[[Any, Any], Any]
Result = TypeVar("Result")


class Deliveries:
    """Hands an event to its consumer, and every other event to the handler of HTTP requests.

    Args:
        router: The consumers.
        app: The app whose dependencies they share.
        state: What the app's lifespan yielded.
        loop: The event loop.
        tracer: Where the annotations go.
        http: The handler of HTTP requests; it raises UnknownEventError for what is none.

    Raises:
        SettingsError: `FASTLAMBDA_EVENT_SOURCES` does not fit the consumers.
        PublishError: `FASTLAMBDA_EVENT_DESTINATIONS` lacks something that the router publishes to.

    """

    def __init__(
        self,
        router: EventRouter,
        app: ASGI,
        state: Mapping[str, Any],
        loop: asyncio.AbstractEventLoop,
        tracer: EventTracer,
        http: Handler,
    ) -> None:
        if router.destinations():
            from fastlambda.events.publish_clients import check_destinations  # noqa: PLC0415 - only who publishes

            check_destinations(router.destinations())
        self._ignores_unknown = router.unknown == "ignore"
        self._reserve = router.deadline_reserve
        self._sources = Sources(router.declarations(), current().event_sources)
        inner = innermost(app)
        self._consumers = {one.declaration.key: one.bound(inner, state) for one in router.consumers()}
        self._loop = loop
        self._tracer = tracer
        self._http = http
        self._processor: BatchProcessor | None = None

    def __call__(self, event: Any, context: LambdaContext) -> Any:
        """Deliver an event; return the partial batch response of a queue's, an HTTP request's answer, else None.

        Raises:
            UnknownEventError: it is for no consumer and no HTTP request.
            Exception: whatever escapes from a consumer of a topic, a bus or a schedule.

        """
        try:
            found = self._sources.find(event)
            if found is None:
                return self._http(event, context)
        except UnknownEventError as error:
            # A batch that is not refused counts as handled, and SQS deletes its messages.
            if not self._ignores_unknown or (isinstance(error, NoConsumerError) and error.kind == "sqs"):
                raise
            _log.warning("Ignored an event: %s", error)
            return None
        attempts = Attempts(self._consumers[found.key], self._tracer, context)
        with exchange.consuming(found.key):
            try:
                return self._deliver(found, attempts, context)
            finally:
                self._observe(found, attempts)

    def _deliver(self, found: Found, attempts: Attempts, context: LambdaContext) -> Mapping[str, Any] | None:
        declaration = self._consumers[found.key].declaration
        if not isinstance(declaration, SqsDeclaration):
            self._complete(_one_by_one(found.records, attempts))
            return None
        # Powertools Batch is 6 % of an INIT, and most environments of an app with queues only ever answer HTTP.
        from fastlambda.events.batch import Batch, bookkeeper  # noqa: PLC0415
        from fastlambda.events.threaded import ThreadedBatch  # noqa: PLC0415

        if self._processor is None:
            self._processor = bookkeeper()
        kind = ThreadedBatch if attempts.in_threads else Batch
        batch = kind(found.records, attempts, declaration.concurrency, self._processor)
        time_left, reserve = self._time(context)
        self._complete(batch.run(time_left, grace=reserve / 2))
        return batch.report()

    def _time(self, context: LambdaContext) -> tuple[float | None, float]:
        """Return the seconds until a batch has to end, and those that are kept for ending it."""
        if not hasattr(context, "get_remaining_time_in_millis"):  # only Lambda's own context has it
            return None, 0.0
        remaining = context.get_remaining_time_in_millis() / 1000
        reserve = min(self._reserve, remaining / 10)
        return remaining - reserve, reserve

    def _observe(self, found: Found, attempts: Attempts) -> None:
        logs.delivered(found.key, len(found.records), attempts)
        metrics.count_records(found.key, len(found.records), attempts)
        self._tracer.annotate_records(found.key, len(found.records), attempts)

    def _complete(self, work: Coroutine[Any, Any, Result]) -> Result:
        task = self._loop.create_task(work)
        while True:
            try:
                return self._loop.run_until_complete(task)
            except (SystemExit, KeyboardInterrupt):
                # asyncio stops the loop for these two when a task of the app's own raises them; they have yet to
                # arrive where it is awaited.
                if task.done():
                    raise


async def _one_by_one(records: Sequence[Mapping[str, Any]], attempts: Attempts) -> None:
    """Hand over the records, of which an event that is no batch has one, and raise the first failure."""
    errors = [await asyncio.create_task(attempts.attempt(record)) for record in records]
    for error in errors:
        if error is not None:
            raise raisable(error)
