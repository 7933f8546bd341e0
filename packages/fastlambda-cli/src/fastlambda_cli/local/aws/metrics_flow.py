"""Brings the functions' metrics to the emulator's CloudWatch, every second and before anybody asks for them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.aws.deployed.signing import signed_for
from fastlambda_cli.local.aws.events import Services
from fastlambda_cli.local.model import Notice, Sink
from fastlambda_cli.local.serve import AsgiApp, Receive, Scope, Send
from fastlambda_cli.local.telemetry.metrics import MetricQueue

_EVERY_S = 1.0
_LOOK_S = 10.0
"""How often alarms are looked at without new values: some end, or begin, with their absence."""
_NOTHING = "FastLambda"
_PUT = "GraniteServiceVersion20100801.PutMetricData"


class MetricsFlow:
    """Puts what is in a queue into CloudWatch.

    Args:
        queue: Where values are gathered.
        services: The emulator's.
        sink: Is told when metrics are lost.

    """

    def __init__(self, queue: MetricQueue, services: Services, sink: Sink) -> None:
        self._queue = queue
        self._services = services
        self._sink = sink
        self._putting = asyncio.Lock()

    def current(self, app: AsgiApp) -> AsgiApp:
        """Have every value there before a request to CloudWatch is answered."""

        async def answered(scope: Scope, receive: Receive, send: Send) -> None:
            if signed_for(scope) == b"monitoring":
                await self.put()
            await app(scope, receive, send)

        return answered

    @contextlib.asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Put values every second while the block runs, and the last ones at its end."""
        ended = asyncio.Event()
        flowing = asyncio.create_task(self._flow(ended), name="metrics")
        try:
            yield
        finally:
            ended.set()
            await flowing

    async def put(self) -> None:
        """Put what there is; what the emulator does not take is lost, and that is told."""
        async with self._putting:
            for request in self._queue.take():
                await self._call(request)
            if self._queue.dropped:
                self._sink(Notice(f"{self._queue.dropped} values of metrics were dropped", warning=True))
                self._queue.dropped = 0

    async def _call(self, request: Mapping[str, Any]) -> None:
        try:
            await self._services.call(_PUT, request)
        except EmulatorError as problem:
            self._sink(Notice(f"Metrics are lost: {problem.in_one_line()}", warning=True))

    async def _flow(self, ended: asyncio.Event) -> None:
        now = asyncio.get_running_loop().time
        looked_at = now()
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EVERY_S):
                    await ended.wait()
            await self.put()
            if now() - looked_at > _LOOK_S:
                looked_at = now()
                await self._call({"Namespace": _NOTHING, "MetricData": []})
