"""The same app without FastLambda, for comparison: Mangum under the three Powertools decorators.

Mangum runs the lifespan for every event or never; here it is never, so this module starts the app by itself, on the
event loop that Mangum will find. Powertools reads the secret, blocking; there is no previous version to accept. It
answers HTTP alone: what it queues and tells is for `lambda_handler`.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.utilities.parameters import get_secret
from mangum import Mangum

from demo.app import create_app
from demo.settings import SECRET_ENV, AppSecrets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mangum.types import LambdaContext

    from demo.schemas import BookImport, BookRead, PriceChange

logger = Logger()
tracer = Tracer()
metrics = Metrics()


class PowertoolsSecrets:
    """The secret by Powertools' own `get_secret`."""

    async def get(self) -> AppSecrets:
        """Return the current version, at most five minutes old."""
        return AppSecrets.model_validate(get_secret(os.environ[SECRET_ENV], transform="json"))

    async def previous(self) -> AppSecrets | None:
        """Return None: Powertools' cache does not tell one version from another."""
        return None

    async def refetch(self) -> AppSecrets:
        """Return the current version, asked for anew."""
        return AppSecrets.model_validate(get_secret(os.environ[SECRET_ENV], transform="json", force_fetch=True))


class SdkAnnouncements:
    """The messages by the SDK; the addresses are in the environment variables that FastLambda's engine sets."""

    async def imports(self, books: Sequence[BookImport]) -> None:
        """Send each to the queue, ten in a request."""
        sqs = _client("sqs")
        account, name = _destinations()["sqs:book-imports"].split(":")[4:]
        url = f"{sqs.meta.endpoint_url}/{account}/{name}"
        for start in range(0, len(books), 10):
            entries = [
                {"Id": str(number), "MessageBody": book.model_dump_json()}
                for number, book in enumerate(books[start : start + 10])
            ]
            answer = await asyncio.to_thread(sqs.send_message_batch, QueueUrl=url, Entries=entries)
            if answer.get("Failed"):
                raise RuntimeError(f"SQS has not taken {len(answer['Failed'])} books")

    async def book_created(self, book: BookRead) -> None:
        """Put BookCreated on the bus."""
        entry = {"Source": "fastapi-books", "DetailType": "BookCreated", "Detail": book.model_dump_json()}
        answer = await asyncio.to_thread(_client("events").put_events, Entries=[entry])
        if answer["FailedEntryCount"]:
            raise RuntimeError("EventBridge has not taken a book")

    async def price_changed(self, change: PriceChange) -> None:
        """Publish to the topic."""
        currency = {"DataType": "String", "StringValue": change.currency}
        await asyncio.to_thread(
            _client("sns").publish,
            TopicArn=_destinations()["sns:price-changes"],
            Message=change.model_dump_json(),
            MessageAttributes={"currency": currency},
        )


@functools.cache
def _client(service: str) -> Any:
    import boto3  # noqa: PLC0415 - in INIT it would cost what only writes need

    return boto3.client(service)


def _destinations() -> dict[str, str]:
    found: dict[str, str] = json.loads(os.environ["FASTLAMBDA_EVENT_DESTINATIONS"])
    return found


app = create_app(PowertoolsSecrets(), SdkAnnouncements())
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
lifespan = app.router.lifespan_context(app)
loop.run_until_complete(lifespan.__aenter__())
adapter = Mangum(app, lifespan="off")


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one HTTP event."""
    return adapter(event, context)
