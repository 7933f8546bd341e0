"""The emulator, as those see it who ask it something on its private socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import httpx


class Source(Protocol):
    """What is needed of an emulator."""

    def client(self) -> httpx.AsyncClient:
        """Make an HTTP client that reaches it."""

    async def available(self) -> None:
        """Wait until it answers; raises EmulatorError."""
