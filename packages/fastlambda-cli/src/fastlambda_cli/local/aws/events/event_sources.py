"""Keeps one poller for every queue's mapping that the emulator knows."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable

from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.aws.events.emulated import Services
from fastlambda_cli.local.aws.events.mapping import QueueMapping, queue_mapping
from fastlambda_cli.local.aws.events.sqs_poller import SqsPoller
from fastlambda_cli.local.aws.functions import Functions
from fastlambda_cli.local.model import Notice, Sink
from fastlambda_cli.local.serve import AsgiApp, Message, Receive, Scope, Send

_CHANGES = b"x-fastlambda-mappings"
"""In it the emulator's answers say how often a mapping was changed until then: for us, not for clients."""
_OF_STACKS = b"/cloudformation/aws4_request"
"""In the scope of a signature for CloudFormation."""
_LOOK_S = 1.0
"""Seconds between two looks at the mappings: a stack that changes in the background changes them without a request."""
_LOOKS = 60
"""Looks after a request about stacks; then there are fewer, as nothing else changes mappings in the background."""
_IDLE_LOOK_S = 10.0


class EventSources:
    """The event source mappings that poll.

    Args:
        services: The emulator's.
        functions: What can be invoked.
        sink: Is told what is not delivered.

    """

    def __init__(self, services: Services, functions: Functions, sink: Sink) -> None:
        self._services = services
        self._functions = functions
        self._sink = sink
        self._pollers: dict[str, SqsPoller] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._changes: bytes | None = None
        self._looks = 0

    def noticing(self, app: AsgiApp) -> AsgiApp:
        """Have the mappings looked at as soon as an answer of the app says that one has changed."""

        async def noticed(scope: Scope, receive: Receive, send: Send) -> None:
            async def told(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message = {**message, "headers": self._without_changes(message["headers"])}
                await send(message)

            if _is_of_stacks(scope):
                self._look_more()
            await app(scope, receive, told)

        return noticed

    def _look_more(self) -> None:
        if self._looks >= _LOOKS:
            self._changed.set()
        self._looks = 0

    def _without_changes(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        kept = []
        for name, value in headers:
            if name != _CHANGES:
                kept.append((name, value))
            elif value != self._changes:
                self._changes = value
                self._changed.set()
        return kept

    @contextlib.asynccontextmanager
    async def polled(self) -> AsyncIterator[None]:
        """Poll while the block runs; what is in flight at its end becomes visible again in its queue."""
        looking = asyncio.create_task(self._look(), name="event source mappings")
        try:
            yield
        finally:
            tasks = {looking, *self._running}
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _look(self) -> None:
        told = ""
        while True:
            self._looks = 0 if self._changed.is_set() else self._looks + 1
            self._changed.clear()
            try:
                found = [queue_mapping(each) for each in await self._services.mappings()]
                self._keep({mapping.uuid: mapping for mapping in found if mapping is not None})
                told = ""
            except EmulatorError as problem:
                if str(problem) != told:
                    self._sink(Notice(f"Queues are not polled: {problem.in_one_line()}", warning=True))
                told = str(problem)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(
                    _LOOK_S if self._looks < _LOOKS else _IDLE_LOOK_S
                ):  # Python 3.11's `wait_for` can lose a cancellation
                    await self._changed.wait()

    def _keep(self, mappings: dict[str, QueueMapping]) -> None:
        for uuid in self._pollers.keys() - mappings.keys():
            self._pollers.pop(uuid).stop()
        for uuid, mapping in mappings.items():
            if uuid in self._pollers:
                self._pollers[uuid].mapping = mapping
            else:
                self._pollers[uuid] = SqsPoller(mapping, self._services, self._functions, self._sink)
                task = asyncio.create_task(self._pollers[uuid].run(), name=f"poller of {mapping.queue_name}")
                self._running.add(task)
                task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        problem = None if task.cancelled() else task.exception()
        if problem is not None:
            self._sink(Notice(f"The {task.get_name()} failed: {problem!r}", warning=True))


def _is_of_stacks(scope: Scope) -> bool:
    return any(name == b"authorization" and _OF_STACKS in value for name, value in scope["headers"])
