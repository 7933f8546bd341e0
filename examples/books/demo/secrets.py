"""Where the app's secrets come from: whatever offers these three calls, such as `fastlambda.secrets.Secret`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from demo.settings import AppSecrets


class SecretSource(Protocol):
    """Secrets that are rotated while the app runs."""

    async def get(self) -> AppSecrets:
        """Return the current version, which may be a few minutes old."""
        ...

    async def previous(self) -> AppSecrets | None:
        """Return the version before the last rotation; None without one."""
        ...

    async def refetch(self) -> AppSecrets:
        """Return the current version, asked for anew."""
        ...
