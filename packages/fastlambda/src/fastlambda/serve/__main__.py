"""`python -m fastlambda.serve lambda_handler.handler`: serve, or on Lambda run the runtime client."""

from __future__ import annotations

import argparse
import importlib.util
import io
import runpy
import sys

from fastlambda.errors import FastLambdaError, ServeError
from fastlambda.observe import logging as logs
from fastlambda.settings import current


def main(arguments: list[str]) -> int:
    """Run the command; return its exit code, 1 when it could not start."""
    parser = argparse.ArgumentParser(prog="python -m fastlambda.serve", description=__doc__)
    parser.add_argument("handler", help="the handler as Lambda takes it, such as lambda_handler.handler")
    name = parser.parse_args(arguments).handler
    if current().in_lambda:
        sys.argv = ["awslambdaric", name]
        runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
        return 0
    assert isinstance(sys.stdout, io.TextIOWrapper)  # noqa: S101 - Python's own
    sys.stdout.reconfigure(line_buffering=True)  # metrics are printed, and must not wait for a full buffer
    logs.take_over()
    try:
        _require_uvicorn()
        from fastlambda.serve.server import serve  # noqa: PLC0415 - Lambda needs no uvicorn
        from fastlambda.serve.settings import ServeSettings  # noqa: PLC0415

        serve(name, ServeSettings.from_environment())
    except Exception as error:  # noqa: BLE001 - whoever reads the logs of a container sees nothing else
        explained = isinstance(error, FastLambdaError) and error.__cause__ is None
        logs.logger.critical("Cannot serve %s: %s", name, error, exc_info=None if explained else error)
        return 1
    return 0


def _require_uvicorn() -> None:
    if importlib.util.find_spec("uvicorn") is None:
        raise ServeError(
            "uvicorn is not installed",
            why="it is an extra of the runtime",
            remedy="Depend on fastlambda[serve], and lock again.",
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
