"""The sink between everything that runs functions and whoever shows what happened: it keeps what AWS would keep."""

from __future__ import annotations

import time

from fastlambda_cli.local.model import (
    InitEnded,
    InitStarted,
    InvocationTraced,
    Notice,
    Sink,
    TelemetryEvent,
    TraceSegment,
)
from fastlambda_cli.local.telemetry.lambda_segments import lambda_segments
from fastlambda_cli.local.telemetry.traces import TraceStore

_ENVIRONMENTS = 1_000
"""How many environments' INITs are remembered; the oldest are forgotten, as those that have ended."""


class Telemetry:
    """A sink that records and passes on.

    Args:
        sink: Is told everything too.

    Attributes:
        traces: Every segment, the function's and Lambda's own.

    """

    def __init__(self, sink: Sink) -> None:
        self.traces = TraceStore()
        self._sink = sink
        self._inits: dict[int, tuple[float, float]] = {}

    def __call__(self, event: TelemetryEvent) -> None:
        """Take one event."""
        match event:
            case InitStarted():
                now = time.time()
                self._inits[event.environment] = (now, now)
                if len(self._inits) > _ENVIRONMENTS:
                    del self._inits[next(iter(self._inits))]
            case InitEnded(environment=number) if number in self._inits:
                self._inits[number] = (self._inits[number][0], time.time())
            case TraceSegment():
                self._keep(event)
            case InvocationTraced():
                init = self._inits.get(event.environment) if event.cold and event.environment is not None else None
                for document in lambda_segments(event, init):
                    self.traces.put(document)
            case _:
                pass
        self._sink(event)

    def _keep(self, segment: TraceSegment) -> None:
        problem = self.traces.put(segment.document)
        if problem is not None:
            name = segment.document.get("name", "without a name")
            self._sink(Notice(f"X-Ray would refuse a segment {name!r}: {problem}", warning=True))
