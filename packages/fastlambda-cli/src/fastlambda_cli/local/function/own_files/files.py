"""The engine's side of an environment's own file system: what goes into it, and what holds it while no runtime runs.

The file system is a mount namespace. It and the /tmp in it live as long as somebody is in the namespace or has it
open. So we keep it open: /tmp outlives a runtime that has crashed, as on Lambda, and nothing is left of it when we are
killed.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from fastlambda_cli.local.function.files import Launch
from fastlambda_cli.local.function.spec import PASSED_THROUGH, FunctionSpec

_RUN = "import sys; sys.path[0] = sys.argv[1]; import launcher; launcher.main(sys.argv[2:])"
"""Imported, and not run as a file: its bytecode is kept then."""
_LAUNCHER = ("-c", _RUN, str(Path(__file__).parent))

_DONE = b"\0"
_MOST = 4096
_NONE = -1


class OwnFiles:
    """The file system of one environment.

    Args:
        spec: What runs in it.

    """

    largest_mb = None

    def __init__(self, spec: FunctionSpec) -> None:
        self._spec = spec
        self._user_ns = _NONE
        self._mount_ns = _NONE

    def variables(self) -> Mapping[str, str]:
        """Nothing: /tmp is where everybody looks."""
        return {}

    def launch(self, also: Sequence[Path]) -> Launch:
        """Have a runtime started in it; the first one makes it."""
        return _OwnLaunch(self, self._spec, below_tmp((*_needed(self._spec), *also)))

    def look(self) -> None:
        """Nothing: what does not fit is refused by the kernel."""

    async def delete(self) -> None:
        """Let go of it; it ends with its last process."""
        for descriptor in (self._user_ns, self._mount_ns):
            if descriptor != _NONE:
                os.close(descriptor)
        self._user_ns = self._mount_ns = _NONE

    @property
    def namespaces(self) -> tuple[int, int]:
        """The user and the mount namespace, once there are any."""
        return self._user_ns, self._mount_ns

    def keep(self, pid: int) -> None:
        """Hold the namespaces of a process."""
        if self._mount_ns == _NONE:
            # Root needs no user namespace, and who has his own can enter ours.
            if Path(f"/proc/{pid}/ns/user").stat() != Path("/proc/self/ns/user").stat():
                self._user_ns = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
            self._mount_ns = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)


class _OwnLaunch(Launch):
    """Starts `launcher`, and has it wait until its namespaces are held."""

    def __init__(self, files: OwnFiles, spec: FunctionSpec, kept: Sequence[str]) -> None:
        self._files = files
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)  # noqa: FBT003
        control = self._theirs.fileno()
        namespaces = files.namespaces
        moved = [path for pair in spec.places.items() for path in pair]
        writable = [os.path.realpath(folder) for folder in spec.writable]
        lists = (len(kept), *kept, len(writable), *writable, len(moved), *moved)
        arguments = (control, spec.ephemeral_storage_mb, *namespaces, spec.seen(spec.task_root), *lists)
        argv = (*spec.interpreter, *_LAUNCHER, *map(str, arguments), *spec.program)
        super().__init__(argv, (control, *(each for each in namespaces if each != _NONE)))

    def handed_over(self, *, started: bool) -> None:
        self._theirs.close()
        if not started:
            self._ours.close()

    async def ready(self, pid: int) -> None:
        loop = asyncio.get_running_loop()
        with self._ours:
            told = await loop.sock_recv(self._ours, _MOST)
            if told != _DONE:
                raise OSError(f"its file system cannot be made ({_words(told)})")
            self._files.keep(pid)
            await loop.sock_sendall(self._ours, _DONE)


def obstacle(python: Path) -> str:
    """Say why environments cannot have file systems of their own on this machine; empty where they can.

    Args:
        python: An interpreter.

    """
    if sys.platform != "linux":
        return "only Linux can give a process mounts of its own"
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            arguments = (theirs.fileno(), 1, _NONE, _NONE, "/", 0, 0, 0)
            # Without -B: the bytecode that it leaves is what all the others find.
            argv = (str(python), "-I", "-S", *_LAUNCHER, *map(str, arguments))
            done = subprocess.run(argv, pass_fds=(theirs.fileno(),), capture_output=True, check=False)  # noqa: S603
        told = ours.recv(_MOST)
    if told == _DONE:
        return ""
    return _words(told or done.stderr.strip().rpartition(b"\n")[2])


def below_tmp(paths: Iterable[Path]) -> list[str]:
    """Those of the paths that a new /tmp would hide, under every name that they have; none below another."""
    tmp = os.path.realpath("/tmp")  # noqa: S108
    names = {name for path in paths for name in (os.path.abspath(path), os.path.realpath(path))}  # noqa: PTH100
    kept: list[str] = []
    for name in sorted(name for name in names if name.startswith(f"{tmp}/") and os.path.exists(name)):  # noqa: PTH110
        if not any(name.startswith(f"{above}/") for above in kept):
            kept.append(name)
    return kept


def _needed(spec: FunctionSpec) -> Iterable[Path]:
    """Where the interpreter, the packages and the code are, and what the variables of this machine name."""
    yield from (spec.task_root, spec.packages, spec.runtime_dir, spec.python)
    yield from (spec.python.parent.parent, spec.python.resolve().parent.parent)
    for name in PASSED_THROUGH:
        yield from map(Path, filter(None, os.environ.get(name, "").split(os.pathsep)))


def _words(told: bytes) -> str:
    return told.decode(errors="replace") or "its start was cut short"
