"""Where the X-Ray SDK keeps the open subsegments: per task and per thread, never shared between siblings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from aws_xray_sdk import global_sdk_config
from aws_xray_sdk.core.context import Context
from aws_xray_sdk.core.exceptions.exceptions import AlreadyEndedException
from aws_xray_sdk.core.models.dummy_entities import DummySegment
from aws_xray_sdk.core.models.entity import Entity
from aws_xray_sdk.core.models.facade_segment import FacadeSegment
from aws_xray_sdk.core.models.segment import Segment
from aws_xray_sdk.core.models.subsegment import Subsegment
from aws_xray_sdk.core.models.trace_header import TraceHeader

# AWS X-Ray Developer Guide, "X-Ray segment documents".
_TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_SEGMENT_ID = re.compile(r"[0-9a-f]{16}")


class LambdaSegment(FacadeSegment):
    """The segment that Lambda itself makes for the invocation; what a stray call would write on it is dropped.

    The SDK's own raises, which would fail the request of whoever annotates outside of any subsegment.
    """

    def put_annotation(self, key: str, value: Any) -> None:
        """Do nothing."""

    def put_metadata(self, key: str, value: Any, namespace: str = "default") -> None:
        """Do nothing."""


class EventContext(Context):
    """The SDK's context for one Lambda event at a time, with any number of tasks and threads within it.

    The stack of open subsegments is an immutable tuple in a context variable: tasks, and threads that copy the
    context, start from their parent's stack and never see each other's. A thread that copies nothing starts below the
    event's own subsegment.
    """

    def __init__(self) -> None:
        super().__init__()
        self._stack: ContextVar[tuple[Subsegment, ...]] = ContextVar("xray_subsegments", default=())
        self._followed: ContextVar[Segment | None] = ContextVar("xray_followed_segment", default=None)
        self._header: str | None = None
        self._segment: Segment | None = None
        self._held: Subsegment | None = None

    def start(self, header: str | None) -> None:
        """Begin an event with this trace header; once, for the SDK asks for the segment at every turn."""
        if header != self._header:
            self._header, self._segment = header, None

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Keep the current subsegment open whatever the code within does; leave none of its descendants open.

        A generator that runs in a thread pool opens its subsegment in one copy of the context and closes the current
        one in another: without this it would close the event's.
        """
        entity = self.get_trace_entity()
        self._held = entity if isinstance(entity, Subsegment) else None
        try:
            yield
        finally:
            if self._held is not None:
                _close_below(self._held)
            self._held = None

    def follow(self, header: str | None) -> bool:
        """Have what this task does from now on belong to the trace of this header; False when it is none.

        For a task that ends with what it does there.
        """
        if whole(header) is None:
            return False
        self._stack.set(())
        self._followed.set(_segment(header))
        return True

    def own(self, segment: Segment) -> None:
        """Have what this task does from now on belong to a segment that it has begun, and will end, itself."""
        self._stack.set(())
        self._followed.set(segment)

    def outgoing(self) -> TraceHeader:
        """Return the tracing header by which what is called now goes on with the trace."""
        entity = self.get_trace_entity()
        segment = entity.parent_segment if isinstance(entity, Subsegment) else entity
        assert isinstance(segment, Segment)  # noqa: S101 - there are no other entities
        origin: TraceHeader = segment.get_origin_trace_header()  # type: ignore[no-untyped-call]
        if isinstance(segment, DummySegment) or not entity.sampled:
            return origin
        return TraceHeader(root=segment.trace_id, parent=entity.id, sampled=1, data=origin.data)

    def close_below(self, entity: Entity) -> None:
        """Close what was left open below a segment or subsegment."""
        _close_below(entity)

    @property
    def held(self) -> Subsegment | None:
        """The event's own subsegment, which is open and sampled; None when there is no such thing."""
        return self._held if self._held is not None and self._held.sampled else None

    def put_segment(self, segment: Segment) -> None:
        """Do nothing: on Lambda the segment is the platform's."""

    def end_segment(self, end_time: Any = None) -> None:
        """Do nothing: on Lambda the segment is the platform's."""

    def put_subsegment(self, subsegment: Subsegment) -> None:
        """Open a subsegment below the current one; an unsampled one is only remembered, to be closed again."""
        # X-Ray refuses a document without a name, and the SDK names database calls by a host that a file has not got.
        subsegment.name = subsegment.name or "database"
        if subsegment.sampled:
            try:
                self.get_trace_entity().add_subsegment(subsegment)
            except AlreadyEndedException:  # another thread closed the parent this very moment
                subsegment.parent_segment.add_subsegment(subsegment)
        self._stack.set((*self._stack.get(), subsegment))

    def end_subsegment(self, end_time: Any = None) -> bool:
        """Close the current subsegment, at `end_time` in epoch seconds; return whether there is something to send."""
        stack = self._stack.get()
        if not stack or stack[-1] is self._held:
            return False
        self._stack.set(stack[:-1])
        subsegment = stack[-1]
        if not subsegment.sampled or not subsegment.in_progress:
            return False
        subsegment.close(end_time)
        return True

    def get_trace_entity(self) -> Entity:
        """Return the innermost open subsegment of this task or thread, else the event's, else Lambda's segment."""
        stack = self._stack.get()
        for subsegment in reversed(stack):
            if subsegment.in_progress:
                return subsegment
        if stack:  # a task that outlived its event
            return stack[-1].parent_segment
        return self._followed.get() or self._held or self._lambda_segment()

    def set_trace_entity(self, trace_entity: Entity) -> None:
        """Make an entity the current one, as code does that hands its work to a thread."""
        self._stack.set((trace_entity,) if isinstance(trace_entity, Subsegment) else ())

    def clear_trace_entities(self) -> None:
        """Forget what this task or thread has open."""
        self._stack.set(())

    def _lambda_segment(self) -> Segment:
        if self._segment is None:
            self._segment = _segment(self._header)
        return self._segment


def whole(header: str | None) -> TraceHeader | None:
    """Return a tracing header that says all that there is to say: the trace, where in it, and whether it is sampled."""
    parsed = TraceHeader.from_header_str(header)
    named = _TRACE_ID.fullmatch(parsed.root or "") and _SEGMENT_ID.fullmatch(parsed.parent or "")
    return parsed if named and parsed.sampled in (0, 1) else None


def _segment(header: str | None) -> Segment:
    parsed = TraceHeader.from_header_str(header)
    segment: Segment
    if whole(header) is not None and global_sdk_config.sdk_enabled():
        segment = LambdaSegment(
            name="facade", entityid=parsed.parent, traceid=parsed.root, sampled=bool(parsed.sampled)
        )
    else:
        segment = DummySegment()
    segment.save_origin_trace_header(parsed)
    return segment


def _close_below(entity: Entity) -> None:
    for child in list(entity.subsegments):
        _close_below(child)
        if child.in_progress:
            child.close()
