"""Work that is done once for a key, however often it is asked for: Powertools Idempotency, from asynchronous code.

`records` are those of a consumer or of all HTTP routes, `store` is their table, `keys` says what tells one message
from another, `route` replays the answers of HTTP routes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastlambda.idempotency.route import IdempotentRoute

__all__ = ["IdempotentRoute"]


def __getattr__(name: str) -> Any:
    # Consumers import what stands beside it, and need no route.
    if name == "IdempotentRoute":
        from fastlambda.idempotency.route import IdempotentRoute  # noqa: PLC0415

        return IdempotentRoute
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
