"""Event sources that poll, and destinations: Lambda itself reads queues and records ends, and here so do we.

`EventSources` keeps one `SqsPoller` for every enabled event source mapping of a queue. A poller receives batches by the
emulator's own SQS API, so that visibility timeouts, receive counts, dead-letter queues and FIFO groups are those of the
queue, and invokes the function as its mapping names it: an alias is resolved for every batch.
"""

from __future__ import annotations

from fastlambda_cli.local.aws.events.destinations import Destinations
from fastlambda_cli.local.aws.events.emulated import Services
from fastlambda_cli.local.aws.events.event_sources import EventSources
from fastlambda_cli.local.aws.events.trace_headers import TraceHeaders

__all__ = ["Destinations", "EventSources", "Services", "TraceHeaders"]
