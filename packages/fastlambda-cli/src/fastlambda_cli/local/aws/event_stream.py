"""Messages of `application/vnd.amazon.eventstream`, in which AWS answers with a stream of events.

The encoding is described in the Amazon Transcribe Developer Guide, "Event stream encoding", and the Smithy
specification, "Amazon Event Stream Specification"; botocore has a decoder for it and no encoder.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

CONTENT_TYPE = "application/vnd.amazon.eventstream"

_PRELUDE = struct.Struct("!II")
_CRC = struct.Struct("!I")
_STRING = 7
_AROUND = _PRELUDE.size + 2 * _CRC.size


def event(event_type: str, content_type: str, payload: bytes) -> bytes:
    """Encode an event.

    Args:
        event_type: The member's name in the service's model.
        content_type: That of the payload.
        payload: The payload.

    """
    headers = {":event-type": event_type, ":content-type": content_type, ":message-type": "event"}
    return _message(headers, payload)


def _message(headers: Mapping[str, str], payload: bytes) -> bytes:
    head = b"".join(_header(name.encode(), value.encode()) for name, value in headers.items())
    prelude = _PRELUDE.pack(_AROUND + len(head) + len(payload), len(head))
    begun = b"".join((prelude, _CRC.pack(zlib.crc32(prelude)), head, payload))
    return begun + _CRC.pack(zlib.crc32(begun))


def _header(name: bytes, value: bytes) -> bytes:
    return struct.pack("!B", len(name)) + name + struct.pack("!BH", _STRING, len(value)) + value
