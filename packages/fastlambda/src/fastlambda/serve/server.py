"""Uvicorn round the handler, from INIT to the end of the lifespan."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from ipaddress import ip_address
from types import FrameType

import uvicorn

from fastlambda.handler import FastLambda
from fastlambda.observe import metrics
from fastlambda.serve.application import Application
from fastlambda.serve.loading import load
from fastlambda.serve.settings import ServeSettings

_log = logging.getLogger(__name__)

# An Application Load Balancer reuses connections that were idle for up to 60 seconds: a target that closes them earlier
# has it answer 502 now and then (Elastic Load Balancing, "Troubleshoot your Application Load Balancers").
_KEEP_ALIVE_SECONDS = 75


def serve(name: str, settings: ServeSettings) -> None:
    """Serve a handler until SIGTERM or SIGINT, then let requests in flight end and run the app's shutdown.

    Args:
        name: The handler's, as Lambda takes it.
        settings: Where and how.

    Raises:
        ServeError: the name leads to no handler.
        SettingsError: the app has a route where the health endpoint is to be.
        StartupError: the app's lifespan failed to start.
        SystemExit: uvicorn cannot listen there, and has said why.

    """
    # The first process of a container has no default handlers: until it sets some, signals do nothing.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit)
    config = uvicorn.Config(_not_yet, loop="auto", log_config=None)
    new_loop = config.get_loop_factory()
    asyncio.set_event_loop(new_loop() if new_loop is not None else asyncio.new_event_loop())
    with load(name) as handler:
        _run(handler, settings)
    metrics.flush_process()


def _run(handler: FastLambda, settings: ServeSettings) -> None:
    config = uvicorn.Config(
        Application(handler, settings.health_path),
        host=settings.host,
        port=settings.port,
        interface="asgi3",
        lifespan="off",  # the handler has started it, and ends it
        ws="none",  # as on Lambda
        log_config=None,
        access_log=False,  # every request has its line already
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.grace_seconds,
    )
    logging.getLogger("uvicorn.error").addFilter(_without_colors)
    metrics.flush_process()
    if handler.events is not None:
        _log.info("Events have no consumer here: queues, topics, buses and schedules need the function on Lambda")
    if _is_loopback(settings.host):
        _log.warning("Only this machine can connect: in a container set FASTLAMBDA_SERVE_HOST=0.0.0.0")
    # Uvicorn handles signals while it serves, and raises them again at its end, when the shutdown is yet to come.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ignore)
    serving = handler.loop.create_task(uvicorn.Server(config).serve(), name="fastlambda serve")
    while not serving.done():
        try:
            handler.loop.run_until_complete(serving)
        except (SystemExit, KeyboardInterrupt):
            # asyncio stops the loop for these two when a task of the app's own raises them, such as that in which
            # Starlette's BaseHTTPMiddleware runs a route: its request gets a 500, and the others go on.
            if serving.done():
                raise


def _exit(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Do nothing."""


def _without_colors(record: logging.LogRecord) -> bool:
    """Drop what uvicorn adds to its records for terminals, which would be a key of the line."""
    record.__dict__.pop("color_message", None)
    return True


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _not_yet(*_: object) -> None:
    """Stand where an app has to be while there is none."""
