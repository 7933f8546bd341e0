"""Keeps one poller for every queue's mapping that the emulator knows."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.aws.events.emulated import Services
from fastlambda_cli.local.aws.events.mapping import QueueMapping, queue_mapping
from fastlambda_cli.local.aws.events.sqs_poller import SqsPoller
from fastlambda_cli.local.aws.functions import Functions
from fastlambda_cli.local.model import Notice, Sink
from fastlambda_cli.local.serve import AsgiApp, Receive, Scope, Send

_MAPPINGS = "/2015-03-31/event-source-mappings"
_OF_STACKS = b"/cloudformation/aws4_request"
"""In the scope of a signature for CloudFormation."""
_LOOK_S = 1.0
"""Seconds between two looks at the mappings: a stack that changes in the background changes them without a request."""
_LOOKS = 60
"""Looks after a request that may have changed one; then there are fewer, as nothing else changes them."""
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

    def noticing(self, app: AsgiApp) -> AsgiApp:
        """Have the mappings looked at as soon as a request to the app may have changed one."""

        async def noticed(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await app(scope, receive, send)
            finally:
                if _may_change_mappings(scope):
                    self._changed.set()

        return noticed

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
        looks = 0
        while True:
            looks = 0 if self._changed.is_set() else looks + 1
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
                    _LOOK_S if looks < _LOOKS else _IDLE_LOOK_S
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


def _may_change_mappings(scope: Scope) -> bool:
    """Whether it is about mappings, or about stacks, which a deployment follows until they are done."""
    if scope["path"].startswith(_MAPPINGS):
        return bool(scope["method"] != "GET")
    return any(name == b"authorization" and _OF_STACKS in value for name, value in scope["headers"])
