"""The ear of the X-Ray daemon: UDP datagrams, one (sub)segment each (X-Ray Developer Guide, "Sending trace data")."""

from __future__ import annotations

import asyncio
import json
from types import TracebackType
from typing import Self

from fastlambda_cli.local.model import Notice, Sink, TraceSegment


class XrayReceiver(asyncio.DatagramProtocol):
    """Receives what the function's X-Ray SDK sends; `address` is the value of AWS_XRAY_DAEMON_ADDRESS."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._transport: asyncio.DatagramTransport | None = None
        self.address = ""

    async def __aenter__(self) -> Self:
        """Listen on a free loopback port."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        host, port = self._transport.get_extra_info("sockname")
        self.address = f"{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002 - asyncio's signature
        """Take one datagram: a header line, then the document."""
        header, _, body = data.partition(b"\n")
        try:
            format_version = json.loads(header)
            document = json.loads(body)
        except (ValueError, RecursionError):
            self._sink(Notice("The function sent a trace segment that is not JSON; X-Ray would drop it.", warning=True))
            return
        if format_version == {"format": "json", "version": 1} and isinstance(document, dict):
            self._sink(TraceSegment(document))
        else:
            self._sink(Notice("The function sent a trace segment X-Ray would not accept.", warning=True))
