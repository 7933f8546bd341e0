"""Execution environments of deployed versions: made when a version is invoked, ended when nobody does any more."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass

from fastlambda_cli.local.function import FunctionSpec, LambdaFunction
from fastlambda_cli.local.model import Sink
from fastlambda_cli.local.processes import ProcessRegistry

"""Seconds without an event after which a version's environments end."""


@dataclass(slots=True)
class _Version:
    """The environments of one version, or of what $LATEST is at the moment.

    Attributes:
        digest: Names what they are made of.
        made: The environments, once the code is unpacked.
        used_at: When an event last ended, on the loop's clock.
        users: How many events run in them, or wait for them.

    """

    digest: str
    made: asyncio.Future[LambdaFunction]
    used_at: float
    users: int = 0


class Present:
    """A version's environments that are there, for one event."""

    __slots__ = ("_entry", "function")

    def __init__(self, entry: _Version) -> None:
        self._entry = entry
        self.function = entry.made.result()

    def enter(self) -> None:
        """Have them stay for an event."""
        self._entry.users += 1

    def leave(self) -> None:
        """Take note that it is over."""
        self._entry.users -= 1
        self._entry.used_at = asyncio.get_running_loop().time()


class Versions:
    """The environments of every version that is in use.

    Args:
        registry: Starts the processes.
        sink: Is told what happens.
        concurrency: How many events a version may run at once.
        numbers: Names the environments.
        idle_s: Seconds without an event after which a version's environments end.

    """

    def __init__(
        self,
        registry: ProcessRegistry,
        sink: Sink,
        *,
        concurrency: int,
        numbers: Iterator[int] | None = None,
        idle_s: float,
    ) -> None:
        self._registry = registry
        self._sink = sink
        self._concurrency = concurrency
        self._numbers = numbers or itertools.count(1)
        self._idle_s = idle_s
        self._versions: dict[tuple[str, str], _Version] = {}
        self._leaving: set[LambdaFunction] = set()
        self._tidying: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def environments(
        self, name: str, version: str, digest: str, make: Callable[[], Awaitable[FunctionSpec]]
    ) -> AsyncIterator[LambdaFunction]:
        """Give the environments of a version for one event; they stay for at least as long.

        Args:
            name: The function's name.
            version: The version, or $LATEST.
            digest: Names what they are made of; with another one than before, those of before end.
            make: Describes them, when there are none yet. What it raises is raised here, to all who wait for it.

        """
        key = (name, version)
        entry = self._versions.get(key)
        if entry is None or entry.digest != digest or _failed(entry.made):
            self._retire(key)
            entry = _Version(digest, asyncio.ensure_future(self._make(make)), self._now())
            self._versions[key] = entry
        entry.users += 1
        try:
            yield await asyncio.shield(entry.made)
        finally:
            entry.users -= 1
            entry.used_at = self._now()

    def present(self, name: str, version: str, digest: str) -> Present | None:
        """The environments of a version, if they are there; the parameters are those of `environments`."""
        entry = self._versions.get((name, version))
        if entry is None or entry.digest != digest or not entry.made.done() or _failed(entry.made):
            return None
        return Present(entry)

    def retire(self, name: str) -> None:
        """End the environments of a function that is no more; events that are running finish."""
        for key in [key for key in self._versions if key[0] == name]:
            self._retire(key)

    def specs(self) -> list[FunctionSpec]:
        """What is in use now."""
        made = [entry.made for entry in self._versions.values()]
        kept = [future.result() for future in made if future.done() and not _failed(future)]
        return [function.spec for function in (*kept, *self._leaving)]

    def start(self) -> None:
        """Look after the idle ones from now on."""
        self._tidying = asyncio.create_task(self._tidy(), name="idle versions")

    async def close(self) -> None:
        """End everything, running events too."""
        if self._tidying is not None:
            self._tidying.cancel()
            await asyncio.wait({self._tidying})
        making = {entry.made for entry in self._versions.values()}
        for made in making:
            made.cancel()  # does nothing to one that is made
        await asyncio.gather(*making, return_exceptions=True)
        functions = {*self._leaving, *(made.result() for made in making if not _failed(made))}
        await asyncio.gather(*(function.close() for function in functions))

    async def _make(self, make: Callable[[], Awaitable[FunctionSpec]]) -> LambdaFunction:
        return LambdaFunction(
            await make(),
            registry=self._registry,
            sink=self._sink,
            concurrency=self._concurrency,
            numbers=self._numbers,
        )

    def _retire(self, key: tuple[str, str]) -> None:
        entry = self._versions.pop(key, None)
        if entry is not None:
            entry.made.add_done_callback(self._leave)

    def _leave(self, made: asyncio.Future[LambdaFunction]) -> None:
        if not _failed(made):
            made.result().retire()
            self._leaving.add(made.result())

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(self._idle_s / 2)
            self._leaving = {function for function in self._leaving if function.busy}
            oldest = self._now() - self._idle_s
            for key, entry in list(self._versions.items()):
                if not entry.users and entry.used_at < oldest:
                    self._retire(key)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _failed(made: asyncio.Future[LambdaFunction]) -> bool:
    return made.done() and (made.cancelled() or made.exception() is not None)
