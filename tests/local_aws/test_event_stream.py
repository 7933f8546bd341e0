"""Event stream messages, as botocore's own decoder reads them."""

from __future__ import annotations

import pytest
from botocore.eventstream import EventStreamBuffer

from fastlambda_cli.local.aws import event_stream


@pytest.mark.parametrize("payload", [b"", b"{}", bytes(range(256)) * 1024])
def test_botocore_reads_an_event(payload):
    buffer = EventStreamBuffer()
    buffer.add_data(event_stream.event("PayloadChunk", "application/octet-stream", payload))

    (message,) = buffer

    assert message.payload == payload
    assert message.headers == {
        ":event-type": "PayloadChunk",
        ":content-type": "application/octet-stream",
        ":message-type": "event",
    }


def test_botocore_reads_events_that_arrive_in_pieces():
    encoded = b"".join(event_stream.event("PayloadChunk", "text/plain", bytes([number])) for number in range(3))
    buffer, read = EventStreamBuffer(), []
    for byte in encoded:
        buffer.add_data(bytes([byte]))
        read += [message.payload for message in buffer]

    assert read == [b"\x00", b"\x01", b"\x02"]
