"""Logs: Powertools Logger, for the app's own lines and for those of every library that uses standard `logging`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from fastlambda import exchange
from fastlambda.errors import InProgressError, InvalidMessageError
from fastlambda.settings import current

if TYPE_CHECKING:
    from aws_lambda_powertools.logging.types import PowertoolsLogRecord

    from fastlambda.events.attempts import Attempts
    from fastlambda.exchange import Exchange

# Their DEBUG lines carry whole requests and answers: secrets, tokens and rows.
_TELLTALES = ("aiobotocore", "aws_xray_sdk", "boto3", "botocore", "httpcore", "hpack", "s3transfer", "urllib3")


class Formatter(LambdaPowertoolsFormatter):
    """Powertools' formatter, which also knows the route, and reads it when the line is written."""

    _shared: dict[str, Any]

    @property
    def log_format(self) -> dict[str, Any]:
        """The keys of the current request's lines when it shares the process, else those of the process."""
        request = exchange.current()
        return self._shared if request is None or request.log_format is None else request.log_format

    @log_format.setter
    def log_format(self, keys: dict[str, Any]) -> None:
        request = exchange.current()
        if request is None or request.log_format is None:
            self._shared = keys
        else:
            request.log_format = keys

    def serialize(self, log: dict[str, Any] | PowertoolsLogRecord) -> str:
        """Serialize the line with the keys of its request or record; those that the line brings itself are kept."""
        keys = exchange.keys()
        # Powertools writes the invocation's trace id on every line, and a message may belong to another trace.
        missing = {name: value for name, value in keys.items() if name not in log or name == "xray_trace_id"}
        return super().serialize({**log, **missing} if missing else log)


logger = Logger(
    service=current().service,
    level=current().log_level,
    logger_formatter=Formatter(use_rfc3339=True, utc=True, serialize_stacktrace=False, name="%(name)s"),
)
"""The Powertools Logger of this service."""


class RootHandler(logging.StreamHandler[Any]):
    """Writes the lines of all loggers as `logger` does, except of those that a Powertools Logger has written itself."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)
        self.setFormatter(logger.registered_formatter)

    def filter(self, record: logging.LogRecord) -> bool:
        """Refuse a record of a Powertools Logger, or of a child of one."""
        source: logging.Logger | None = logging.getLogger(record.name)
        while source is not None:
            if hasattr(source, "powertools_handler"):  # where Powertools itself looks for a configured logger
                return False
            source = source.parent
        return super().filter(record)


def take_over() -> None:
    """Make the root logger write as `logger` does, in place of the runtime's own handler, each line once."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if type(handler).__module__.partition(".")[0] == "awslambdaric":
            root.removeHandler(handler)
    if not any(isinstance(handler, RootHandler) for handler in root.handlers):
        root.addHandler(RootHandler())
    root.setLevel(logger.initial_log_level)
    if sys.version_info >= (3, 12):
        logging.logAsyncioTasks = False  # else every line of a coroutine says "Task-18" or the like
    for name in _TELLTALES:
        library = logging.getLogger(name)
        if library.level == logging.NOTSET:
            # botocore tells at INFO where each client finds its credentials: where Lambda always has them.
            library.setLevel(max(root.level, logging.WARNING if name == "botocore" else logging.INFO))


Handler = Callable[[Any, Any], Any]


def with_context(handler: Handler) -> Handler:
    """Give every line of an event the keys of its invocation, and drop what the event before has left."""

    def correlated(event: Any, context: Any) -> Any:
        logger.set_correlation_id(correlation_id(event))
        if logger.sampling_rate:  # Powertools has just decided whether this event is one with DEBUG lines
            logging.getLogger().setLevel(logger.log_level)
        return handler(event, context)

    injected: Handler = logger.inject_lambda_context(correlated, clear_state=True)
    return injected


def correlation_id(event: Any) -> str | None:
    """Return the gateway's request id; a load balancer has none, its trace id stands in. None for other events."""
    context, headers, multiple = (_part(event, name) for name in ("requestContext", "headers", "multiValueHeaders"))
    found = context.get("requestId") or headers.get("x-amzn-trace-id") or multiple.get("x-amzn-trace-id")
    return found[0] if isinstance(found, list) and found else found or None


def _part(event: Any, name: str) -> Mapping[str, Any]:
    part = event.get(name) if isinstance(event, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def access(request: Exchange) -> None:
    """Write the one line that every request gets."""
    logger.info(
        "%s %s %s",
        request.method,
        request.path,
        request.status,
        extra={
            "method": request.method,
            "route": request.route,
            "path": request.path,
            "status": request.status,
            "duration_ms": request.duration_ms,
        },
    )


def failure(error: BaseException) -> None:
    """Write the traceback of an exception that the app did not handle."""
    logger.error("Unhandled exception in the app", exc_info=error)


def delivered(route: str, records: int, attempts: Attempts) -> None:
    """Write the one line that every event gets; records that were never begun have failed no attempt."""
    handled = len(attempts.latencies) - attempts.failed
    logger.info(
        "%s %s of %s",
        route,
        handled,
        records,
        extra={
            "route": route,
            "records": records,
            "failed_records": attempts.failed,
            "returned_records": records - handled,
        },
    )


def record_failure(error: BaseException) -> None:
    """Write why a record failed: an exception with its traceback, a refused message with what is wrong with it.

    One that another environment has in hand is none of that: a warning.
    """
    if isinstance(error, InvalidMessageError):
        logger.error("Refused a record: %s", error)
    elif isinstance(error, InProgressError):
        logger.warning("Gave a record back: %s", error)
    else:
        logger.error("Unhandled exception in the consumer", exc_info=error)
