"""A small process that outlives its owner by a moment, and ends what the owner can no longer end.

A frozen process notices nothing, so one whose owner was killed would stay for ever. The guardian holds the read end
of a pipe that closes with the owner, however that ends, and reads the records of `processes` then:

    python guardian.py PIPE_FD DIRECTORY OWNER_PID
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_WELL = b"."
"""What an owner writes that ended its children itself."""


@contextlib.contextmanager
def guarded(directory: Path) -> Iterator[None]:
    """Have this process's children that are recorded in `directory` killed, however it ends.

    Those that are still recorded at the end of the block are strays, too.

    Args:
        directory: Where a ProcessRegistry keeps its records.

    Raises:
        OSError: The guardian cannot be started.

    """
    read, write = os.pipe()
    with os.fdopen(write, "wb", buffering=0) as owner, os.fdopen(read, "rb") as inherited:
        guardian = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", __file__, str(read), str(directory), str(os.getpid())],
            env={},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(read,),
            start_new_session=True,
        )
        inherited.close()
        try:
            yield
        finally:
            if not any(directory.glob("*.json")):
                with contextlib.suppress(BrokenPipeError):  # the guardian was killed
                    owner.write(_WELL)
            owner.close()
            guardian.wait()


def _watch(pipe: int, directory: Path, owner: int) -> None:
    if os.read(pipe, 1) == _WELL:
        return
    # Not before: a guardian that only waits stays small.
    from fastlambda_cli.local.processes import ProcessRegistry  # noqa: PLC0415

    ProcessRegistry(directory).end_strays(owner)


if __name__ == "__main__":
    _watch(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
