"""Traces: Powertools Tracer over the X-Ray SDK, with a subsegment for the event and nothing at all when unsampled."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from aws_lambda_powertools.tracing import Tracer
from aws_xray_sdk.core import xray_recorder
from aws_xray_sdk.core.daemon_config import DAEMON_ADDRESS_KEY
from aws_xray_sdk.core.lambda_launcher import LAMBDA_TRACE_HEADER_KEY

from fastlambda.observe.patches import patch_when_imported
from fastlambda.observe.xray_context import EventContext, whole
from fastlambda.settings import Settings, current

if TYPE_CHECKING:
    from aws_xray_sdk.core.models.entity import Entity

    from fastlambda.events.attempts import Attempts
    from fastlambda.exchange import Exchange


def _off() -> bool | None:
    """Whether nothing is traced, as for want of a daemon; None leaves that to Powertools, as on Lambda."""
    if current().in_lambda or os.environ.get("POWERTOOLS_TRACE_DISABLED"):
        return None
    return DAEMON_ADDRESS_KEY not in os.environ


tracer = Tracer(service=current().service, auto_patch=False, disabled=_off())
"""The Powertools Tracer of this service; every library that the X-Ray SDK knows is patched once it is imported."""

if not tracer.disabled:
    patch_when_imported()

# The SDK's own limit of 10 ends within the framework; X-Ray takes documents of 64 kB, a frame is about 80 bytes.
_MAX_FRAMES = 64
_SERVER_ERROR = 500

Handler = Callable[[Any, Any], Any]


_context = EventContext()


class EventTracer:
    """Puts one subsegment around every sampled event, named `## handler`, and annotates it with the request."""

    def __init__(self, settings: Settings) -> None:
        # An exception that is going to fail the invocation is recorded by Powertools, and X-Ray takes it only once.
        self._adds_errors = settings.capture_error and not settings.raise_errors
        self._captures_errors = settings.capture_error
        xray_recorder.configure(context=_context, max_trace_back=_MAX_FRAMES)

    def traced(self, handler: Handler, name: str) -> Handler:
        """Wrap the handler; the answer, with its body and cookies, never becomes metadata."""

        def held(event: Any, context: Any) -> Any:
            with _context.holding():
                return handler(event, context)

        held.__name__ = name
        captured: Handler = tracer.capture_lambda_handler(held, capture_response=False)
        first = True

        def tracing(event: Any, context: Any) -> Any:
            nonlocal first
            header = os.environ.get(LAMBDA_TRACE_HEADER_KEY, "")
            _context.start(header)
            # Powertools notes the cold start inside its decorator: the first event has to pass through it.
            if first or ("Sampled=1" in header and not tracer.disabled):
                first = False
                return captured(event, context)
            return handler(event, context)

        return tracing

    def annotate(self, request: Exchange) -> None:
        """Say on the event's subsegment which request it was, how it ended, and which exception it met."""
        subsegment = _context.held
        if subsegment is None:
            return
        status = request.status or _SERVER_ERROR
        subsegment.put_annotation("route", request.route)
        subsegment.put_annotation("method", request.method)
        subsegment.put_annotation("status", status)
        subsegment.apply_status_code(status)
        if request.error is not None and self._adds_errors:
            add_exception(subsegment, request.error)

    def annotate_records(self, route: str, records: int, attempts: Attempts) -> None:
        """Say on the event's subsegment whose records they were, how many, and how many failed."""
        subsegment = _context.held
        if subsegment is None:
            return
        subsegment.put_annotation("route", route)
        subsegment.put_annotation("records", records)
        subsegment.put_annotation("failed_records", attempts.failed)

    def traces_records(self, header: str | None) -> bool:
        """Tell whether a record with this tracing header is traced, or has what it calls follow the header."""
        return header is not None or (_context.held is not None and not tracer.disabled)

    @contextmanager
    def record(self, route: str, message_id: str, header: str | None = None) -> Iterator[None]:
        """Put a subsegment round one record of a sampled event; it has a task of its own to itself.

        A message that brings a tracing header of its own belongs to the trace of what sent it, sampled or not: Lambda
        starts a trace for each batch, whose messages come from many (AWS X-Ray Developer Guide, "Tracing event-driven
        applications").
        """
        continued = _context.follow(header)
        subsegment = None
        if not tracer.disabled and (continued or _context.held is not None):
            subsegment = xray_recorder.begin_subsegment(f"## {route}")
        if subsegment is None:
            yield
            return
        subsegment.put_annotation("message_id", message_id)
        try:
            yield
        except BaseException as error:
            subsegment.add_fault_flag()
            if self._captures_errors:
                add_exception(subsegment, error)
            raise
        finally:
            _context.close_below(subsegment)
            xray_recorder.end_subsegment()


def trace_header() -> str | None:
    """Return X-Ray's tracing header for a request that this task is about to make; None outside of a trace."""
    header = _context.outgoing()
    return header.to_header_str() if header.root else None


def trace_id(header: str | None) -> str | None:
    """Return the trace that a whole tracing header continues; None for any other text."""
    return parsed.root if (parsed := whole(header)) is not None else None


def add_exception(entity: Entity, error: BaseException) -> None:
    """Note an exception on a segment or subsegment, with as many of its frames as X-Ray takes."""
    frames = traceback.extract_tb(error.__traceback__, limit=-_MAX_FRAMES)
    entity.add_exception(cast("Exception", error), frames)
