"""The console script `fastlambda`: turns errors into lines and exit codes, and ends quietly on Ctrl-C."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence

from fastlambda_cli.cli.quick import begin


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
