"""The garbage collector, which finds nothing in INIT: what INIT makes, stays."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Beyond what an INIT allocates. A threshold and no `gc.disable`, because a process that imports this package and then
# never builds a FastLambda must not leak.
_INIT_THRESHOLD = 200_000


@contextmanager
def idle_collector() -> Iterator[None]:
    """Let the collector rest; afterwards it works as usual, and never again looks at what is alive by then."""
    usual = gc.get_threshold()
    gc.set_threshold(_INIT_THRESHOLD, *usual[1:])
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(*usual)
