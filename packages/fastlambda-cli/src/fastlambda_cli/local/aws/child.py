"""One emulator process: how it is started, when it answers, how it ends."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.model import ACCOUNT_ID, REGION
from fastlambda_cli.local.processes import ProcessRegistry, signal_group
from fastlambda_cli.service.configuration import RESERVED_VARIABLES

LAUNCHER = Path(__file__).with_name("launcher")
"""A folder that Python runs: its `__main__.py`, with the files beside it."""

_START_S = 30.0
_STOP_S = 5.0
_LOG_LIMIT_BYTES = 5_000_000
_LOG_TAIL_BYTES = 4096
_LOG_START = "--- start"


@dataclass(frozen=True, slots=True)
class Berth:
    """Everything that stays the same from one emulator process to the next.

    Attributes:
        directory: Holds the state, the objects of S3 and the log.
        python: The interpreter of the emulator's environment.
        gateway_port: The front door's port, for the URLs that the emulator hands out.
        listener_fd: The listening socket it inherits.
        owner_fd: The read end of a pipe whose other end closes when this process ends.
        lock_fd: A lock it holds by inheriting it.
        keys: What it signs with when it calls the front door.
        ahead: Its services, by its own names, that it loads before they are asked for.
        account_concurrency: Events at once of all functions, as GetAccountSettings tells.

    """

    directory: Path
    python: Path
    gateway_port: int
    listener_fd: int
    owner_fd: int
    lock_fd: int
    keys: Keys
    ahead: tuple[str, ...] = ()
    account_concurrency: int = 1000

    @property
    def log(self) -> Path:
        """Where the emulator's own log goes."""
        return self.directory / "emulator.log"

    @property
    def home(self) -> Path:
        """The emulator's home."""
        return self.directory / "home"

    @property
    def temporary(self) -> Path:
        """Where its temporary files go."""
        return self.home / "tmp"

    def environment(self) -> dict[str, str]:
        """Every variable the emulator sees: no proxies, no credentials but its own, nothing of the user's shell.

        Lambda code never runs in it (LAMBDA_STRICT), it opens no port but the socket it is given, and it is told
        of a Docker socket that does not exist, because it would remove other emulators' containers.
        """
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "LANG": "C.UTF-8",
            "GATEWAY_PORT": str(self.gateway_port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "localhost",
            "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
            "MINISTACK_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LAMBDA_STRICT": "1",
            "FASTLAMBDA_RESERVED_VARIABLES": " ".join(sorted(RESERVED_VARIABLES)),
            "LAMBDA_ACCOUNT_CONCURRENCY": str(self.account_concurrency),
            "DOCKER_HOST": f"unix://{self.home / 'no-docker.sock'}",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self.directory / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self.directory / "s3"),
            "LOG_LEVEL": "WARNING",
            # Not under AWS's names, by which ministack would take the key for that of its root user.
            "FASTLAMBDA_ACCESS_KEY_ID": self.keys.access_key_id,
            "FASTLAMBDA_SECRET_ACCESS_KEY": self.keys.secret_access_key,
            "FASTLAMBDA_SESSION_TOKEN": self.keys.session_token or "",
        }


class Child:
    """One running emulator process.

    Args:
        process: The process, its standard output a pipe.
        processes: Where it is recorded.
        berth: What it was started with.
        tell: Takes what the emulator has to say to the user once it answers.

    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        processes: ProcessRegistry,
        berth: Berth,
        tell: Callable[[str], None],
    ) -> None:
        self._process = process
        self._processes = processes
        self._berth = berth
        self._tell = tell
        self._said: list[str] = []
        self._relay = asyncio.create_task(self._listen(), name="emulator messages")

    @classmethod
    async def start(cls, berth: Berth, processes: ProcessRegistry, tell: Callable[[str], None]) -> Child:
        """Start a process; it does not answer yet.

        Raises:
            EmulatorError: The system does not start it.

        """
        try:
            # Whatever asks for a temporary file first, at an import perhaps, settles the folder for the process.
            for folder in (berth.home, berth.temporary):
                folder.mkdir(mode=0o700, exist_ok=True)
            with _open_log(berth.log) as log:
                process = await processes.spawn(
                    [str(berth.python), "-I", str(LAUNCHER), str(berth.listener_fd), str(berth.owner_fd), *berth.ahead],
                    env=berth.environment(),
                    cwd=berth.directory,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    pass_fds=(berth.listener_fd, berth.owner_fd, berth.lock_fd),
                    umask=0o077,  # what ministack writes holds secrets, and it writes from its import on
                )
        except OSError as problem:
            raise EmulatorError(
                "The AWS emulator cannot be started",
                why=str(problem),
                remedy="Check the disk's free space, and the limits on processes and open files.",
            ) from problem
        return cls(process, processes, berth, tell)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def answers(self, client: httpx.AsyncClient) -> None:
        """Wait until it answers.

        Raises:
            EmulatorError: It ended, or took longer than 30 seconds.

        """
        health = asyncio.create_task(client.get("/_ministack/health"))
        ended = asyncio.create_task(self._process.wait())
        try:
            await asyncio.wait({health, ended}, timeout=_START_S, return_when=asyncio.FIRST_COMPLETED)
            if health.done() and health.exception() is None and health.result().is_success:
                return
            late = not health.done() and not ended.done()
        finally:
            for task in (health, ended):
                task.cancel()
            await asyncio.gather(health, ended, return_exceptions=True)
        await self.end()
        own_words = "; ".join(self._said) or _last_line(self._berth.log)
        raise EmulatorError(
            "The AWS emulator did not start",
            why=f"it did not answer within {_START_S:.0f} s" if late else own_words or self._ending(),
            remedy=f"Read {self._berth.log}; with {self._berth.directory} moved away it starts with no state.",
        )

    async def ended(self) -> str:
        """Wait until the process is gone; return how it ended, in words."""
        await self._process.wait()
        await self.end()
        return self._ending()

    async def end(self) -> None:
        """End the process: a clean end saves the state; after five seconds it is killed. Then forget it."""
        if self._process.returncode is None:
            signal_group(self.pid, signal.SIGTERM)
            try:
                async with asyncio.timeout(_STOP_S):  # Python 3.11's `wait_for` can lose a cancellation
                    await self._process.wait()
            except TimeoutError:
                signal_group(self.pid, signal.SIGKILL)
                await self._process.wait()
        signal_group(self.pid, signal.SIGKILL)  # whatever it started itself
        self._processes.forget(self.pid)
        await asyncio.wait({self._relay})

    def _ending(self) -> str:
        code = self._process.returncode or 0
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    async def _listen(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  it is a pipe
        async for line in self._process.stdout:
            text = line.decode(errors="replace").rstrip()
            self._said.append(text)
            self._tell(text)


def _open_log(path: Path) -> IO[bytes]:
    with_room = not path.exists() or path.stat().st_size < _LOG_LIMIT_BYTES
    mode = os.O_APPEND if with_room else os.O_TRUNC
    file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | mode, 0o600), "ab")
    file.write(f"{_LOG_START} {time.strftime('%Y-%m-%d %H:%M:%S')}\n".encode())
    file.flush()
    return file


def _last_line(log: Path) -> str:
    """The last line of the newest process."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LOG_TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    newest = itertools.takewhile(lambda line: not line.startswith(_LOG_START), reversed(lines))
    return next((line for line in newest if line.strip()), "")
