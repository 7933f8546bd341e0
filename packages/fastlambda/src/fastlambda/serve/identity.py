"""Which request it is, and which trace it belongs to: what its headers say, or else what is made here.

Headers are anybody's to write, so that what is none of the forms below is not taken. The trace is that of
`X-Amzn-Trace-Id`, which AWS's load balancers add (Elastic Load Balancing, "Request tracing for your Application Load
Balancer"), or of W3C's `traceparent` when only that one says where in the trace the caller stands.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from aws_xray_sdk.core.models.trace_header import TraceHeader

_ID = re.compile(r"[\x21-\x7e]{1,128}")
_ROOT = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_PARENT = re.compile(r"[0-9a-f]{16}")
# W3C Trace Context, "traceparent Header Field Values"; ids of zeros are invalid.
_TRACEPARENT = re.compile(
    r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{8})([0-9a-f]{24})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)
_SAMPLED = 1


@dataclass(frozen=True, slots=True)
class Identity:
    """What a request is called.

    Attributes:
        request_id: Made here: no other request has it, whatever its client says.
        correlation_id: `X-Request-ID`, else the trace, else the request's own id.
        trace: Root, parent and sampling decision of the caller, as far as it says them.

    """

    request_id: str
    correlation_id: str
    trace: TraceHeader

    @classmethod
    def of(cls, headers: Iterable[tuple[bytes, bytes]]) -> Identity:
        """Return the identity of the request with these headers, whose names are in lower case."""
        said = {name: value.decode("latin-1") for name, value in headers}
        request_id = str(uuid.uuid4())
        trace = _trace(said.get(b"x-amzn-trace-id", ""), said.get(b"traceparent", ""))
        given = said.get(b"x-request-id", "")
        return cls(request_id, given if _ID.fullmatch(given) else trace.root or request_id, trace)


def _trace(amazon: str, w3c: str) -> TraceHeader:
    parsed = TraceHeader.from_header_str(amazon)
    root = parsed.root if _ROOT.fullmatch(parsed.root or "") else None
    parent = parsed.parent if root and _PARENT.fullmatch(parsed.parent or "") else None
    found = _TRACEPARENT.fullmatch(w3c)
    if parent is None and found is not None:
        epoch, rest, parent, flags, _ = found.groups()
        return TraceHeader(root=f"1-{epoch}-{rest}", parent=parent, sampled=bool(int(flags, 16) & _SAMPLED))
    return TraceHeader(root=root, parent=parent, sampled=parsed.sampled if parsed.sampled in (0, 1) else None)
