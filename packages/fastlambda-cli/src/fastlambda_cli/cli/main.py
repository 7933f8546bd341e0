"""The console script `fastlambda`: turns errors into lines and exit codes, and ends quietly on Ctrl-C."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
from collections.abc import Sequence


def run() -> None:
    """Run the command line; a user's mistake is one clear message, a bug of ours keeps its traceback."""
    # Until a command takes signals over there is nothing to clean up, and a traceback of half an import helps nobody.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Pydantic would read what every installed package says of itself, to find one that wants to watch our models.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    ending = _Ending()
    # What is registered first runs last: everybody else's handlers have run by then, and threads have ended.
    atexit.register(ending.at_once)
    ending.code = run_command(sys.argv[1:])
    sys.exit(ending.code)


class _Ending:
    """Ends the process without taking apart what it imported, which takes a sixth of a `plan`.

    Attributes:
        code: The exit code of a command that has ended; None for an uncaught exception, which Python ends with.

    """

    code: int | None = None

    def at_once(self) -> None:
        """End it, unless what was printed cannot be delivered: the interpreter says so in its own way."""
        if self.code is None:
            return
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(self.code)


def run_command(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: The command line after the program's name.

    """
    from fastlambda_cli.cli.app import app  # noqa: PLC0415 - the second that this takes is Ctrl-C's as well
    from fastlambda_cli.errors import FastLambdaError  # noqa: PLC0415

    try:
        app(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except FastLambdaError as error:
        from fastlambda_cli.cli.terminal import print_error  # noqa: PLC0415

        print_error(error)
        return error.exit_code
    return 0
