"""A request's segment: outside of Lambda there is no platform that would make one."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from aws_xray_sdk.core import xray_recorder
from aws_xray_sdk.core.models.trace_header import TraceHeader
from aws_xray_sdk.core.sampling.local.sampler import LocalSampler

from fastlambda.observe.tracing import add_exception, tracer
from fastlambda.settings import Settings

if TYPE_CHECKING:
    from aws_xray_sdk.core.models.segment import Segment
    from mangum.types import Scope

    from fastlambda.exchange import Exchange
    from fastlambda.observe.xray_context import EventContext

_SERVER_ERROR = 500


class RequestTracer:
    """Begins a segment for each request that is sampled, and sends it when the request has ended.

    A caller's decision is followed. Without one, the first request of each second and 5 % of the others are sampled,
    as on Lambda (AWS Lambda Developer Guide, "Visualize Lambda function invocations using AWS X-Ray").
    """

    def __init__(self, settings: Settings) -> None:
        self._name = settings.service
        self._captures_errors = settings.capture_error
        self._sampler = LocalSampler()
        # The SDK's context of this process: the handler has put it there.
        self._context = cast("EventContext", xray_recorder.context)

    def begin(self, trace: TraceHeader, scope: Scope) -> str | None:
        """Make a segment that of the current task; return its trace id, or the caller's where nothing is sampled."""
        if tracer.disabled:
            return trace.root
        sampled = self._sampler.should_trace() if trace.sampled is None else bool(trace.sampled)
        segment = xray_recorder.begin_segment(self._name, trace.root, trace.parent, sampled)
        segment.save_origin_trace_header(TraceHeader(root=trace.root, parent=trace.parent, sampled=sampled))
        self._context.own(segment)
        if not segment.sampled:
            return trace.root
        segment.put_http_meta("method", scope["method"])
        segment.put_http_meta("url", scope["path"])
        if scope.get("client"):
            segment.put_http_meta("client_ip", scope["client"][0])
        return segment.trace_id

    def annotate(self, request: Exchange) -> None:
        """Say on the request's segment how it ended and which exception it met, and send it."""
        segment = self._segment()
        if segment is None:
            return
        status = request.status or _SERVER_ERROR
        segment.put_annotation("route", request.route)
        segment.put_annotation("method", request.method)
        segment.put_annotation("status", status)
        segment.put_http_meta("status", status)
        if request.error is not None:
            segment.add_fault_flag()
            if self._captures_errors:
                add_exception(segment, request.error)
        self._context.close_below(segment)
        segment.close()
        xray_recorder.end_segment()

    def _segment(self) -> Segment | None:
        if tracer.disabled:
            return None
        self._context.clear_trace_entities()
        segment = xray_recorder.current_segment()
        return segment if segment.sampled else None
