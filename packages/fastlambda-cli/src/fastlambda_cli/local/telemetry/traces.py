"""The traces of this session, in memory, the oldest forgotten first."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from fastlambda_cli.local.telemetry.segments import Document, defect, parts, whole

MAX_TRACES = 2_000
MAX_TRACE_BYTES = 500 * 1024
"""AWS X-Ray quotas, "Trace document size": a trace that is larger takes no more segments."""
MAX_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class _Kept:
    """The documents of a trace, as JSON, by their ids."""

    documents: dict[str, str] = field(default_factory=dict)
    size: int = 0
    limit_exceeded: bool = False


@dataclass(frozen=True, slots=True)
class Trace:
    """One trace as far as it is known.

    Attributes:
        segments: Whole segments, by their start.
        complete: Whether nothing of it is known to be missing.
        limit_exceeded: Whether segments were dropped because it is too large.

    """

    id: str
    segments: tuple[dict[str, Any], ...]
    complete: bool
    limit_exceeded: bool

    @property
    def began_at(self) -> float:
        """The start of its first segment, in seconds of the epoch."""
        return float(self.segments[0]["start_time"])

    @property
    def ended_at(self) -> float:
        """The end of the last segment that has ended; its start when none has."""
        return max((float(each["end_time"]) for each in self.segments if "end_time" in each), default=self.began_at)

    @property
    def root(self) -> dict[str, Any]:
        """The segment that has no parent in the trace."""
        ids = {part.get("id") for each in self.segments for part in parts(each)}
        return next((each for each in self.segments if each.get("parent_id") not in ids), self.segments[0])


class TraceStore:
    """Segments by their trace.

    Args:
        max_traces: How many traces are kept.
        max_bytes: How much they may take together, as JSON.

    """

    def __init__(self, max_traces: int = MAX_TRACES, max_bytes: int = MAX_BYTES) -> None:
        self._max_traces = max_traces
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._size = 0

    def put(self, document: Document) -> str | None:
        """Keep a document; one with the id of an earlier one takes its place, as a segment in progress that ends.

        Returns:
            The code for why X-Ray would refuse it, such as `MissingId`; None when it is kept.

        """
        problem = defect(document)
        if problem is not None:
            return problem
        try:
            text = json.dumps(document)
        except RecursionError:
            return "ParseError"
        trace = self._kept.setdefault(document["trace_id"], _Kept())
        size = len(text) - len(trace.documents.get(document["id"], ""))
        if trace.size + size > MAX_TRACE_BYTES:
            trace.limit_exceeded = True
            return None
        trace.documents[document["id"]] = text
        trace.size += size
        self._size += size
        while len(self._kept) > self._max_traces or (self._size > self._max_bytes and len(self._kept) > 1):
            self._size -= self._kept.popitem(last=False)[1].size
        return None

    def get(self, trace_id: str) -> Trace | None:
        """Return a trace; None when none of its segments is known."""
        kept = self._kept.get(trace_id)
        if kept is None:
            return None
        segments, complete = whole(map(json.loads, kept.documents.values()))
        if not segments:
            return None
        return Trace(trace_id, tuple(segments), complete, kept.limit_exceeded)

    def ids(self) -> list[str]:
        """The ids of all traces, the newest first."""
        return list(reversed(self._kept))
