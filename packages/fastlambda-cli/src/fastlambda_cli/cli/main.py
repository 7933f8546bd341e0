"""The console script `fastlambda`: turns errors into lines and exit codes, and ends quietly on Ctrl-C."""

from __future__ import annotations

import errno
import signal
import sys
from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING

from fastlambda_cli.cli.quick import begin

if TYPE_CHECKING:
    from fastlambda_cli.errors import FastLambdaError

_OF_WRITING = frozenset(
    {errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF, errno.ECONNRESET, errno.ENXIO}
)
"""What writing to a pipe, a terminal or a file that is open already may fail with."""


def run() -> None:
    """Run the command line; a user's mistake is one clear message, a bug of ours keeps its traceback."""
    # Until a command takes signals over there is nothing to clean up, and a traceback of half an import helps nobody.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    ending = begin()
    ending.code = run_command(sys.argv[1:])
    sys.exit(ending.code)


def run_command(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: The command line after the program's name.

    """
    from fastlambda_cli.cli.app import app  # noqa: PLC0415 - the second that this takes is Ctrl-C's as well
    from fastlambda_cli.errors import FastLambdaError, OutputClosedError  # noqa: PLC0415

    try:
        code = _code_of(app, arguments)
        _flush(sys.stdout)
    except FastLambdaError as error:
        return _told(error)
    except OutputClosedError:
        from fastlambda_cli.cli.terminal import discard_output  # noqa: PLC0415

        discard_output(sys.stdout)
        return 1
    except OSError as error:
        if not _is_of_output(error):
            raise
        if isinstance(error, BrokenPipeError):  # whoever read it has had enough, as `head` has
            return 1
        return _told(
            FastLambdaError(
                "The output is not complete",
                why=f"standard output cannot be written: {error.strerror}",
                remedy="Give it a place with room; what the command did besides printing is done.",
            )
        )
    return code


def _code_of(app: Callable[[Sequence[str]], object], arguments: Sequence[str]) -> int:
    try:
        app(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


def _told(error: FastLambdaError) -> int:
    from fastlambda_cli.cli.terminal import print_error  # noqa: PLC0415

    print_error(error)
    return error.exit_code


def _flush(stream: IO[str] | None) -> None:
    if stream is not None:  # it was closed before Python began
        stream.flush()


def _is_of_output(error: OSError) -> bool:
    """Whether it is standard output that failed; if so, nothing more is written to it."""
    from fastlambda_cli.cli.terminal import discard_output  # noqa: PLC0415

    if error.filename is not None or error.errno not in _OF_WRITING:
        return False
    try:
        print(flush=True)
    except OSError as again:
        if again.errno == error.errno:
            discard_output(sys.stdout)
            return True
    return False
