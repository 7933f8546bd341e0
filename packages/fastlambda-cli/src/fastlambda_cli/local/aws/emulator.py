"""The emulator: ministack behind a private socket, restarted when it dies, its state kept."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections import deque
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.aws.child import Berth, Child
from fastlambda_cli.local.aws.holding import held
from fastlambda_cli.local.aws.private_socket import listen_privately
from fastlambda_cli.local.aws.toolchain import emulator_python
from fastlambda_cli.local.model import Notice, Sink
from fastlambda_cli.local.processes import ProcessRegistry

_PATIENCE_S = 10.0
_CRASHES = 4
_CRASH_WINDOW_S = 60.0


class Emulator:
    """The emulator of one service, through as many processes as it takes; made by `emulator_at`.

    Args:
        directory: Where its state lives.
        listener_fd: The socket its processes listen on.
        owner_fd: What tells its processes that this one ended.
        lock_fd: The lock on the directory.
        transport: Reaches the socket.
        processes: Starts and records its processes.
        sink: Told when it dies and when it is back.

    Attributes:
        transport: Sends requests to it.

    """

    def __init__(
        self,
        directory: Path,
        *,
        listener_fd: int,
        owner_fd: int,
        lock_fd: int,
        transport: httpx.AsyncHTTPTransport,
        processes: ProcessRegistry,
        sink: Sink,
    ) -> None:
        self._directory = directory
        self._listener_fd = listener_fd
        self._owner_fd = owner_fd
        self._lock_fd = lock_fd
        self.transport = transport
        self._processes = processes
        self._sink = sink
        self._settled = asyncio.Event()
        self._failure: EmulatorError | None = None
        self._child: Child | None = None
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The current process's id; None before the first start."""
        return self._child.pid if self._child else None

    def client(self) -> httpx.AsyncClient:
        """Make an HTTP client for our own calls to it; the caller closes the client."""
        return httpx.AsyncClient(transport=_Borrowed(self.transport), base_url="http://emulator", timeout=None)  # noqa: S113  a start bounds its own wait

    async def start(
        self, gateway_port: int, keys: Keys, ahead: Sequence[str] = (), *, account_concurrency: int = 1000
    ) -> None:
        """Install it if need be, start it, and keep it running from now on.

        Args:
            gateway_port: The port of the front door, which is in the URLs that the emulator makes.
            keys: What it signs with when it calls the front door.
            account_concurrency: Events at once of all functions, as GetAccountSettings tells.
            ahead: Its services, by its own names, that it loads before they are asked for.

        Raises:
            ToolchainError: It is not installed and cannot be.
            EmulatorError: It does not start.

        """
        python = await emulator_python(self._sink)
        fds = (self._listener_fd, self._owner_fd, self._lock_fd)
        berth = Berth(self._directory, python, gateway_port, *fds, keys, tuple(ahead), account_concurrency)
        child = await self._start_child(berth)
        self._settled.set()
        self._supervisor = asyncio.create_task(self._supervise(child, berth), name="emulator supervisor")

    async def available(self) -> None:
        """Wait until it answers, at most ten seconds.

        Raises:
            EmulatorError: It does not, or it was given up.

        """
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._settled.wait()
        except TimeoutError as problem:
            raise EmulatorError(
                "The AWS emulator does not answer yet", why="it is starting", remedy="Try again."
            ) from problem
        if self._failure is not None:
            # The same error again and again: without this it would collect the traceback of every request.
            raise self._failure.with_traceback(None)

    async def stop(self) -> None:
        """End it; its state is saved first."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.wait({self._supervisor})
        if self._child is not None:
            await self._child.end()

    async def _start_child(self, berth: Berth) -> Child:
        self._child = await Child.start(berth, self._processes, self._tell)
        async with self.client() as client:
            await self._child.answers(client)
        return self._child

    async def _supervise(self, child: Child, berth: Berth) -> None:
        crashes: deque[float] = deque(maxlen=_CRASHES)
        now = asyncio.get_running_loop().time
        how = await child.ended()
        while True:
            self._settled.clear()
            crashes.append(now())
            if len(crashes) == _CRASHES and now() - crashes[0] < _CRASH_WINDOW_S:
                self._give_up(f"{_CRASHES} times within {_CRASH_WINDOW_S:.0f} s, last: {how}", berth.log)
                return
            self._sink(Notice(f"The AWS emulator died ({how}): restarting it with its state", warning=True))
            try:
                child = await self._start_child(berth)
            except EmulatorError as problem:
                how = problem.why
                continue
            self._settled.set()
            self._sink(Notice("The AWS emulator is back"))
            how = await child.ended()

    def _give_up(self, why: str, log: Path) -> None:
        remedy = f"Read {log}, then start again."
        self._failure = EmulatorError("The AWS emulator keeps dying", why=why, remedy=remedy)
        self._settled.set()
        self._sink(Notice(f"{self._failure}. {remedy}", warning=True))

    def _tell(self, text: str) -> None:
        self._sink(Notice(f"AWS emulator: {text}", warning=True))


class _Borrowed(httpx.AsyncBaseTransport):
    """A transport that outlives the client it is lent to."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._transport.handle_async_request(request)


@contextlib.asynccontextmanager
async def emulator_at(directory: Path, sink: Sink) -> AsyncIterator[Emulator]:
    """Hold a state directory and prepare its emulator; call `start` to have it run. It ends with the block.

    Args:
        directory: Where its state lives: made if missing, entered by the user alone.
        sink: Told what happens to it.

    Raises:
        EmulatorError: Another process holds the directory, or it cannot be made.

    """
    directory = _private(directory.absolute())
    processes = ProcessRegistry(directory / "processes")
    async with contextlib.AsyncExitStack() as stack:
        lock_fd = await stack.enter_async_context(held(directory, processes))
        listener, path = listen_privately(directory)
        stack.callback(path.unlink, missing_ok=True)
        stack.callback(listener.close)
        owner_fd, alive_fd = os.pipe()
        stack.callback(os.close, owner_fd)
        stack.callback(os.close, alive_fd)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        unused = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # httpx would read every authority's certificate, for 0.03 s
        transport = httpx.AsyncHTTPTransport(uds=str(path), limits=limits, verify=unused)
        await stack.enter_async_context(transport)
        emulator = Emulator(
            directory,
            listener_fd=listener.fileno(),
            owner_fd=owner_fd,
            lock_fd=lock_fd,
            transport=transport,
            processes=processes,
            sink=sink,
        )
        stack.push_async_callback(emulator.stop)
        yield emulator


def _private(directory: Path) -> Path:
    """Make the directory if need be, and let nobody else enter it."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
    except OSError as problem:
        raise EmulatorError(
            f"The local AWS cannot keep its state in {directory}",
            why=problem.strerror or str(problem),
            remedy="Make that a folder which you can write to, or move away what is there.",
        ) from problem
    return directory
