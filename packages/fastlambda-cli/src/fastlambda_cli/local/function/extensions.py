"""The Extensions API for internal extensions: those that the function registers inside its own process.

AWS Lambda Developer Guide, "Using the Lambda Extensions API to create extensions". An environment is not frozen before
its extensions are done too, and one that has any is told of its end by SIGTERM. External extensions, which are programs
of their own in a layer's /opt/extensions, do not run here.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastlambda_cli.local.function.answers import Answer, Refusal, json_answer
from fastlambda_cli.local.model import ACCOUNT_ID

_INVOKE = "INVOKE"
_SHUTDOWN = "SHUTDOWN"
_MOST = 10
"""Extensions of one function (AWS Lambda Developer Guide, "Lambda quotas")."""


@dataclass(slots=True)
class _Extension:
    """One registered extension.

    Attributes:
        invoked: Whether it wants to know of invocations.
        waiting: Whether it waits in `/next`, and so is done with all that came before.

    """

    name: str
    invoked: bool
    waiting: bool = False
    events: asyncio.Queue[Mapping[str, Any]] = field(default_factory=lambda: asyncio.Queue(maxsize=1))


class Extensions:
    """What one runtime process has registered.

    Attributes:
        waits: Called whenever an extension begins to wait for its next event.
        open: Whether INIT still runs; later nothing can be registered.

    """

    def __init__(self) -> None:
        self.waits: Callable[[], None] = lambda: None
        self.open = True
        self._registered: dict[str, _Extension] = {}

    def __bool__(self) -> bool:
        """Whether there is one."""
        return bool(self._registered)

    @property
    def idle(self) -> bool:
        """Whether every extension waits for its next event."""
        return all(each.waiting for each in self._registered.values())

    def invoke(self, event: Mapping[str, Any]) -> None:
        """Tell of an invocation those that want to know."""
        for each in self._registered.values():
            if each.invoked:
                each.waiting = False
                each.events.put_nowait({"eventType": _INVOKE} | dict(event))

    def register(self, headers: Mapping[str, str], body: bytes, about: Mapping[str, str]) -> Answer:
        """Register an extension.

        Args:
            headers: Of the request, by their names in lower case.
            body: Names the events that it wants.
            about: What it is told of the function.

        Raises:
            Refusal: INIT is over, the name is missing or taken, or the body is not what it should be.

        """
        name = headers.get("lambda-extension-name", "")
        if not name:
            raise Refusal(400, "Extension.InvalidExtensionName", "Empty extension name")
        if not self.open:
            raise Refusal(403, "Extension.RegistrationClosed", "Extension registration closed already")
        if any(each.name == name for each in self._registered.values()):
            raise Refusal(403, "Extension.AlreadyRegistered", "Extension with this name already registered")
        if len(self._registered) == _MOST:
            raise Refusal(403, "Extension.TooManyExtensions", f"Extension limit ({_MOST}) reached")
        identifier = str(uuid.uuid4())
        self._registered[identifier] = _Extension(name, _INVOKE in _wanted(body))
        if headers.get("lambda-extension-accept-feature") == "accountId":
            about = {**about, "accountId": ACCOUNT_ID}
        return json_answer(200, about, {"Lambda-Extension-Identifier": identifier})

    async def next(self, headers: Mapping[str, str]) -> Answer:
        """Wait for the next event of an extension.

        Raises:
            Refusal: It is not registered, or waits already.

        """
        identifier = headers.get("lambda-extension-identifier")
        if not identifier:
            raise Refusal(403, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
        extension = self._registered.get(identifier)
        if extension is None:
            raise Refusal(403, "Extension.UnknownExtensionIdentifier", "Unknown extension identifier")
        if extension.waiting:
            raise Refusal(403, "Extension.InvalidExtensionState", "The extension waits for its next event already")
        extension.waiting = True
        self.waits()
        event = await extension.events.get()
        return json_answer(200, event, {"Lambda-Extension-Event-Identifier": str(uuid.uuid4())})


def _wanted(body: bytes) -> frozenset[str]:
    try:
        events = frozenset(json.loads(body).get("events", ()))
    except (ValueError, AttributeError, TypeError, RecursionError) as problem:
        raise Refusal(400, "InvalidRequestFormat", "The body is not an object with a list of events") from problem
    for event in events - {_INVOKE}:
        if event == _SHUTDOWN:
            raise Refusal(
                403,
                "Extension.ShutdownEventNotSupportedForInternalExtension",
                "SHUTDOWN event is not supported for internal extensions",
            )
        raise Refusal(400, "Extension.InvalidEventType", f"Invalid event type: {event}")
    return events
