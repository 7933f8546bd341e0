"""One process of the runtime client, from its start to its end: its Runtime API, its output and its memory."""

from __future__ import annotations

import asyncio
import contextlib
import math
import select
import signal
import sys
import time
from collections.abc import Callable

from fastlambda_cli.local.alarm import Alarm
from fastlambda_cli.local.function.extensions import Extensions
from fastlambda_cli.local.function.files import Files
from fastlambda_cli.local.function.logs import Frames, Lines, LogPipe, LogSocket
from fastlambda_cli.local.function.memory import MemoryLimit, PeakMemory, peak_memory_of_all_mb
from fastlambda_cli.local.function.runtime_api import RuntimeApi, RuntimeState
from fastlambda_cli.local.function.spec import LOG_STREAM, FunctionSpec
from fastlambda_cli.local.processes import ProcessRegistry, kill_marked, signal_group

if sys.platform == "linux":
    import resource

FREEZE_AFTER_S = 0.005
"""Seconds that a runtime with nothing to do goes on before it is frozen: a next event may be on its way.

Lambda freezes an environment "when the runtime and each extension have completed and there are no pending events"
(AWS Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle").
"""

MOST_FILES = 1024
"""File descriptors that a function may have open (AWS Lambda Developer Guide, "Lambda quotas")."""


_MEASURED_AGAIN_S = 0.005
"""Seconds in which nobody takes much memory: what is measured for the next event is soon enough."""
_SHORT_S, _SHORT_AGAIN_S = 0.002, 0.05
"""The same after an event that was too short to take much: to measure takes longer than anything else about it."""
_MB = 1024 * 1024


class RuntimeProcess:
    """The runtime of an execution environment.

    Args:
        spec: The version it runs.
        log_stream: The log stream of its environment, which no other has.
        files: Those of its environment.
        registry: Who starts the process and remembers it.
        state: What its calls of the Runtime API mean.
        emit: Is told every line that it writes.
        exceeded: Is called when it is killed because it used more memory than it has.

    Attributes:
        exited: Its return code, once it has ended; a signal's number is negative.
        peak_memory_mb: What it used at most, as far as measured.
        rests: Is called when it has been frozen, or has ended.

    """

    def __init__(
        self,
        spec: FunctionSpec,
        log_stream: str,
        files: Files,
        registry: ProcessRegistry,
        state: RuntimeState,
        emit: Callable[[str], None],
        exceeded: Callable[[], None],
    ) -> None:
        self.extensions = Extensions()
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.peak_memory_mb = 0
        self.rests: Callable[[], None] = lambda: None
        self._spec = spec
        self._files = files
        self._registry = registry
        self._emit = emit
        self._tell_exceeded = exceeded
        self._log_stream = log_stream
        self._api = RuntimeApi(state, self.extensions)
        self._pipes: list[LogPipe] = []
        self._written = select.poll()
        self._socket: LogSocket | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._memory: MemoryLimit | None = None
        self._peak: PeakMemory | None = None
        self._measured_at = 0.0
        self._freezing = Alarm(self._stop)
        self._frozen = False
        self._watcher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the process and its Runtime API.

        Raises:
            OSError: There is no such interpreter, this machine has no memory or file descriptor left, or the
                environment's files cannot be had.

        """
        told = {name: value for name, value in self._files.variables().items() if name not in self._spec.variables}
        await self._api.start()
        out, err, frames = (LogPipe(decoder, self._emit) for decoder in (Lines(), Lines(), Frames()))
        self._pipes = [out, err, frames]
        for pipe in self._pipes:
            self._written.register(pipe, select.POLLIN)
        framed = {"_LAMBDA_TELEMETRY_LOG_FD": str(frames.write_fd)}
        if self._spec.workers is not None:
            self._socket = LogSocket(self._emit, self._pipes.append)
            framed[LogSocket.VARIABLE] = self._socket.path
        launch = self._files.launch(() if self._socket is None else (self._socket.folder,))
        try:
            self._process = await self._registry.spawn(
                launch.argv,
                env=self._spec.environment(self._api.address, self._log_stream) | framed | told,
                cwd=self._spec.task_root,
                stdout=out.write_fd,
                stderr=err.write_fd,
                pass_fds=(frames.write_fd, *launch.fds),
            )
        finally:
            launch.handed_over(started=self._process is not None)
            for pipe in self._pipes:
                pipe.handed_over()
                if self._process is None:
                    pipe.close()
            if self._process is None and self._socket is not None:
                self._socket.close()
        _limit_files(self._process.pid, self._files.largest_mb)
        self._peak = PeakMemory(self._process.pid)
        self._memory = MemoryLimit(self._process.pid, self._spec.memory_mb, self._exceeded)
        self._memory.watch()
        self._watcher = asyncio.create_task(self._watch(self._process))
        await launch.ready(self._process.pid)

    def freeze(self) -> None:
        """Stop everything in it soon, as Lambda does between events."""
        if not self._freezing.is_set and not self._frozen:
            self._freezing.set(FREEZE_AFTER_S)

    def thaw(self) -> None:
        """Let it go on."""
        self._freezing.clear()
        if self._frozen:
            self._frozen = False
            if self._memory is not None and not self.exited.done():
                self._memory.watch()
            self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it and everything it started, at once."""
        self._signal(signal.SIGKILL)

    async def end(self, grace: float) -> None:
        """End it: SIGTERM, then SIGKILL to its whole group after `grace` seconds; without grace SIGKILL at once."""
        if self._process is not None and not self.exited.done() and grace:
            self.thaw()
            # It may have died this very moment: asyncio knows that a step before our watcher does.
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
            await asyncio.wait({self.exited}, timeout=grace)
        self.kill()
        if self._watcher is not None:
            await self._watcher
        else:
            await self._api.close()

    def drain(self) -> None:
        """Emit everything that has been written so far."""
        # One question instead of a read of each, of which all but few would find nothing.
        if self._spec.workers is None and not self._written.poll(0):
            return
        for pipe in self._pipes:
            pipe.drain()

    def measure(self, ran_s: float = math.inf) -> None:
        """Note the peak so far; a process that has exited can no longer be asked.

        Args:
            ran_s: How long the event took for which it is, in seconds.

        """
        now = time.monotonic()
        again_s = _SHORT_AGAIN_S if ran_s < _SHORT_S else _MEASURED_AGAIN_S
        if self._process is None or self._peak is None or now - self._measured_at < again_s:
            return
        self._measured_at = now
        peak = self._peak.mb() if self._spec.workers is None else peak_memory_of_all_mb(self._process.pid)
        self.peak_memory_mb = max(self.peak_memory_mb, peak)

    def _stop(self) -> None:
        self._frozen = True
        if self._memory is not None:
            self._memory.rest()
        self._signal(signal.SIGSTOP)
        self._files.look()
        self.rests()

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        return_code = await process.wait()
        self._freezing.end()
        self.rests()
        if self._memory is not None:
            self._memory.rest()
        if self._peak is not None:
            self._peak.close()
        # Whatever the function started goes with its runtime, as the whole sandbox does on Lambda.
        signal_group(process.pid, signal.SIGKILL)
        self._registry.forget(process.pid)
        if self._socket is not None:
            self._socket.close()
        for pipe in self._pipes:
            pipe.drain()
            pipe.close()
        self.exited.set_result(return_code)
        await asyncio.to_thread(kill_marked, f"{LOG_STREAM}={self._log_stream}")
        await self._api.close()

    def _exceeded(self) -> None:
        self.peak_memory_mb = self._spec.memory_mb
        self.kill()
        self._tell_exceeded()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and not self.exited.done():
            signal_group(self._process.pid, number)


def _limit_files(pid: int, largest_mb: int | None) -> None:
    """Give the process Lambda's limits on files, where the system lets a parent do so after the child's start."""
    if sys.platform == "linux":
        with contextlib.suppress(ProcessLookupError):  # it may have ended this very moment
            _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            most = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, most))
            if largest_mb is not None:
                _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                most = largest_mb * _MB if hard == resource.RLIM_INFINITY else min(largest_mb * _MB, hard)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))
