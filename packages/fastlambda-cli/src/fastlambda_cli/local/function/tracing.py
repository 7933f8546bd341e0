"""The trace header a function with active tracing gets, whatever its caller sent."""

from __future__ import annotations

import re
import secrets
import time

_ROOT = re.compile(r"^1-[0-9a-f]{8}-[0-9a-f]{24}$")


def function_trace_header(incoming: str | None, *, active: bool = True) -> tuple[str, str]:
    """Return the value of `_X_AMZN_TRACE_ID` for one event, and its trace id.

    The root and the sampling decision are the caller's where it sent them; Parent is a new segment id, that of the
    function's own segment. With no decision from upstream an event is sampled where tracing is active: on a laptop
    every trace is wanted, where Lambda samples one a second and 5 % of the rest. Where tracing is not active, Lambda
    samples none by itself (AWS Lambda Developer Guide, "Visualize Lambda function invocations using AWS X-Ray").
    """
    fields = dict(part.strip().split("=", 1) for part in (incoming or "").split(";") if "=" in part)
    root = fields.get("Root", "")
    if not _ROOT.match(root):
        root = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    decided = fields.get("Sampled")
    sampled = decided if decided in {"0", "1"} else str(int(active))
    return f"Root={root};Parent={secrets.token_hex(8)};Sampled={sampled}", root
