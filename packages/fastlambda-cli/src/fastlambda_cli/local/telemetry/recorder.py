"""The sink between everything that runs functions and whoever shows what happened: it keeps what AWS would keep."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastlambda_cli.local.model import (
    AccessLine,
    HttpExchange,
    InitEnded,
    InitStarted,
    InvocationReported,
    InvocationTraced,
    LogLine,
    MetricRecord,
    Notice,
    PlatformLine,
    Sink,
    TelemetryEvent,
    TraceSegment,
)
from fastlambda_cli.local.telemetry.emf import EmfError, embedded
from fastlambda_cli.local.telemetry.http_metrics import counted
from fastlambda_cli.local.telemetry.lambda_metrics import LambdaMetrics
from fastlambda_cli.local.telemetry.lambda_segments import lambda_segments
from fastlambda_cli.local.telemetry.logs import LogStore
from fastlambda_cli.local.telemetry.metrics import MetricQueue
from fastlambda_cli.local.telemetry.traces import TraceStore

_ENVIRONMENTS = 1_000
"""How many environments are remembered; those are forgotten that wrote nothing for longest, which have ended."""
_MOST_TOLD = 100
"""How many different defects of metrics are told: their names may come from anywhere."""


@dataclass(slots=True)
class _Environment:
    """What is known of an execution environment.

    Attributes:
        began_at: When its INIT began, in seconds of the epoch.
        ended_at: When its INIT was over.

    """

    started: InitStarted
    began_at: float
    ended_at: float


class Telemetry:
    """A sink that records and passes on.

    Args:
        sink: Is told everything too.

    Attributes:
        traces: Every segment, the function's and Lambda's own.
        logs: Every line, the function's and Lambda's own.
        metrics: Every value, of the function's lines, of Lambda and of API Gateway, until CloudWatch takes it.
        invocations: Measures what Lambda itself measures.

    """

    def __init__(self, sink: Sink) -> None:
        self.traces = TraceStore()
        self.logs = LogStore()
        self.metrics = MetricQueue()
        self.invocations = LambdaMetrics(self.metrics)
        self._sink = sink
        self._told: set[str] = set()
        self._environments: OrderedDict[int, _Environment] = OrderedDict()
        self._takes: dict[type, Callable[[Any], None]] = {
            InitStarted: self._started,
            InitEnded: self._initialised,
            LogLine: self._written,
            PlatformLine: self._written,
            MetricRecord: self._measure,
            HttpExchange: self._requested,
            AccessLine: self._requested,
            InvocationReported: self._reported,
            TraceSegment: self._keep,
            InvocationTraced: self._trace,
        }

    def __call__(self, event: TelemetryEvent) -> None:
        """Take one event."""
        take = self._takes.get(type(event))
        if take is not None:
            take(event)
        self._sink(event)

    def _initialised(self, event: InitEnded) -> None:
        if event.environment in self._environments:
            self._environments[event.environment].ended_at = time.time()

    def _written(self, event: LogLine | PlatformLine) -> None:
        self._log(event.environment, event.text)

    def _reported(self, event: InvocationReported) -> None:
        self.invocations.reported(event.request_id, event.duration_ms)

    def _requested(self, event: HttpExchange | AccessLine) -> None:
        if isinstance(event, AccessLine):
            self.logs.write(event.log_group, event.log_stream, event.text)
            return
        for metric, value in counted(event):
            self.metrics.add(metric, value)

    def _started(self, event: InitStarted) -> None:
        now = time.time()
        self._environments[event.environment] = _Environment(event, now, now)
        if len(self._environments) > _ENVIRONMENTS:
            self._environments.popitem(last=False)

    def _log(self, number: int, text: str) -> None:
        environment = self._environments.get(number)
        if environment is not None:
            self._environments.move_to_end(number)
            self.logs.write(environment.started.log_group, environment.started.log_stream, text)

    def _measure(self, event: MetricRecord) -> None:
        self._log(event.environment, event.text)
        try:
            for metric, value in embedded(event.document):
                self.metrics.add(metric, value)
        except EmfError as problem:
            # Once for each reason: a function that does it wrong does so with every line.
            if str(problem) not in self._told and len(self._told) < _MOST_TOLD:
                self._told.add(str(problem))
                self._sink(Notice(f"CloudWatch would make no metrics of a line: {problem}", warning=True))

    def _trace(self, event: InvocationTraced) -> None:
        environment = self._environments.get(event.environment or 0)
        init = (environment.began_at, environment.ended_at) if environment is not None and event.cold else None
        for document in lambda_segments(event, init):
            self.traces.put(document)

    def _keep(self, segment: TraceSegment) -> None:
        problem = self.traces.put(segment.document)
        if problem is not None:
            name = segment.document.get("name", "without a name")
            self._sink(Notice(f"X-Ray would refuse a segment {name!r}: {problem}", warning=True))
