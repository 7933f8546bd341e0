"""The same app without FastLambda, for comparison: Mangum under the three Powertools decorators.

Mangum runs the lifespan for every event or never; here it is never, so this module starts the app by itself, on the
event loop that Mangum will find. Powertools reads the secret, blocking; there is no previous version to accept.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.utilities.parameters import get_secret
from mangum import Mangum

from demo.app import create_app
from demo.settings import SECRET_ENV, AppSecrets

if TYPE_CHECKING:
    from mangum.types import LambdaContext

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


app = create_app(PowertoolsSecrets())
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
