"""How often an event source mapping was made, changed or deleted, whoever did it.

Every answer says how often until then, so that nobody has to ask for the mappings all the time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ministack.services import lambda_svc  # type: ignore[import-not-found,unused-ignore]
from needed import when_needed  # type: ignore[import-not-found,unused-ignore]

_CHANGES = b"x-fastlambda-mappings"
_CALLS = ("_create_esm", "_update_esm", "_delete_esm")


class Changes:
    """How often a mapping was made, changed or deleted."""

    def __init__(self) -> None:
        self._count = 0

    def counted(self, change: Callable[..., Any]) -> Callable[..., Any]:
        """Count the calls of what changes mappings, once they are through."""

        def changed(*positional: Any, **named: Any) -> Any:
            try:
                return change(*positional, **named)
            finally:
                self._count += 1

        return changed

    def told(self, send: Callable[[MutableMapping[str, Any]], Awaitable[None]]) -> Any:
        """Have an answer tell the number."""

        async def sent(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (_CHANGES, b"%d" % self._count)]}
            await send(message)

        return sent


def count_changes() -> Changes:
    """Have the changes by Lambda's API and by stacks counted; return what has counted them."""
    changes = Changes()
    for call in _CALLS:
        setattr(lambda_svc, call, changes.counted(getattr(lambda_svc, call)))

    def count_in_stacks(cloudformation: Any) -> None:
        handlers = cloudformation.provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]  # noqa: SLF001
        handlers.update({name: changes.counted(handlers[name]) for name in ("create", "update", "delete")})

    when_needed("cloudformation", count_in_stacks)
    return changes
