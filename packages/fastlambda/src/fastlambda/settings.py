"""What the environment says, read once into one frozen record."""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Collection, Mapping
from types import MappingProxyType

from fastlambda.errors import SettingsError
from fastlambda.frozen import Frozen

SERVE = (
    "FASTLAMBDA_SERVE_GRACE_SECONDS",
    "FASTLAMBDA_SERVE_HEALTH_PATH",
    "FASTLAMBDA_SERVE_HOST",
    "FASTLAMBDA_SERVE_PORT",
)
"""What `fastlambda.serve` reads; Lambda takes and ignores them, for an image may be for both."""

_OWN = (
    "FASTLAMBDA_EVENT_DESTINATIONS",
    "FASTLAMBDA_EVENT_SOURCES",
    "FASTLAMBDA_IDEMPOTENCY_EXPIRES",
    "FASTLAMBDA_IDEMPOTENCY_TABLE",
    "FASTLAMBDA_RAISE_ERRORS",
    "FASTLAMBDA_ROOT_PATH",
    *SERVE,
    "FASTLAMBDA_STARTUP_TUNING",
)
_FLAGS = (
    "POWERTOOLS_DEBUG",
    "POWERTOOLS_DEV",
    "POWERTOOLS_IDEMPOTENCY_DISABLED",
    "POWERTOOLS_LOGGER_LOG_EVENT",
    "POWERTOOLS_LOG_DEDUPLICATION_DISABLED",
    "POWERTOOLS_METRICS_DISABLED",
    "POWERTOOLS_TRACER_CAPTURE_RESPONSE",
    "POWERTOOLS_TRACE_DISABLED",
)
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# API Gateway allows letters, digits and these signs in an API mapping.
_ROOT_PATH = re.compile(r"(/[A-Za-z0-9$_.+!*'()-]+)+")
# The words that Powertools takes for a boolean.
_TRUE = frozenset({"1", "y", "yes", "t", "true", "on"})
_FALSE = frozenset({"0", "n", "no", "f", "false", "off"})


class Settings(Frozen):
    """What the runtime needs to know of its environment.

    Attributes:
        service: `POWERTOOLS_SERVICE_NAME`, else the function's name: on every log line, metric and trace.
        metrics_namespace: `POWERTOOLS_METRICS_NAMESPACE`, else the service.
        log_level: `POWERTOOLS_LOG_LEVEL`, else `LOG_LEVEL`; None without either, which is INFO, or whatever Lambda's
            own `AWS_LAMBDA_LOG_LEVEL` says: that one outranks them all, as Powertools documents.
        function_name: `AWS_LAMBDA_FUNCTION_NAME`; empty outside Lambda.
        handler_name: The handler's attribute name out of `_HANDLER`: it names the trace's subsegment.
        provisioned: True when this environment was initialized ahead of traffic, so that no request is a cold start.
        capture_error: `POWERTOOLS_TRACER_CAPTURE_ERROR`, on unless set to false: exceptions are part of traces.
        in_lambda: True when a Lambda runtime runs this process.
        raise_errors: `FASTLAMBDA_RAISE_ERRORS`: an unhandled exception fails the invocation, so that Lambda's own
            Errors metric sees it, instead of answering 500.
        root_path: `FASTLAMBDA_ROOT_PATH`: the API mapping of an HTTP API's custom domain, such as `/shop`, which
            payload 2.0 does not tell; empty without one.
        event_destinations: `FASTLAMBDA_EVENT_DESTINATIONS`, a JSON object: the ARN of each queue, topic and bus
            that the function publishes to, such as `{"sqs:book-imports": "arn:aws:sqs:eu-west-1:123456789012:import"}`.
        event_sources: `FASTLAMBDA_EVENT_SOURCES`, a JSON object: the name or the ARN of a queue, topic or schedule as
            deployed, by the key of its consumer, such as `{"sqs:book-imports": "shop-prod-book-imports"}`.
        idempotency_table: `FASTLAMBDA_IDEMPOTENCY_TABLE`: the DynamoDB table of the idempotency records; empty without.
        idempotency_expires: `FASTLAMBDA_IDEMPOTENCY_EXPIRES`: seconds that such a record counts.
        idempotency_disabled: `POWERTOOLS_IDEMPOTENCY_DISABLED`: nothing is idempotent, as Powertools has it for tests.
        startup_tuning: `FASTLAMBDA_STARTUP_TUNING`, on unless set to false: see `fastlambda.startup`.

    """

    service: str = "service_undefined"
    metrics_namespace: str = "service_undefined"
    log_level: str | None = None
    function_name: str = ""
    handler_name: str = "handler"
    provisioned: bool = False
    capture_error: bool = True
    in_lambda: bool = False
    raise_errors: bool = False
    root_path: str = ""
    event_destinations: Mapping[str, str] = MappingProxyType({})
    event_sources: Mapping[str, str] = MappingProxyType({})
    idempotency_table: str = ""
    idempotency_expires: int = 86_400
    idempotency_disabled: bool = False
    startup_tuning: bool = True

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read and check the environment.

        Raises:
            SettingsError: on Lambda a `FASTLAMBDA_` name is unknown, or a value is ill.

        """
        in_lambda = "AWS_LAMBDA_RUNTIME_API" in environ
        if in_lambda:  # elsewhere the command line's own variables may be about
            _refuse_unknown_names(environ)
        for name in _FLAGS:
            _flag(environ, name, default=False)
        _check_sample_rate(environ)
        function_name = environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
        service = environ.get("POWERTOOLS_SERVICE_NAME") or function_name or "service_undefined"
        return cls(
            service=service,
            metrics_namespace=environ.get("POWERTOOLS_METRICS_NAMESPACE") or service,
            log_level=_log_level(environ),
            function_name=function_name,
            handler_name=environ.get("_HANDLER", "handler").rpartition(".")[2] or "handler",
            provisioned=environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "provisioned-concurrency",
            capture_error=_flag(environ, "POWERTOOLS_TRACER_CAPTURE_ERROR", default=True),
            in_lambda=in_lambda,
            raise_errors=_flag(environ, "FASTLAMBDA_RAISE_ERRORS", default=False),
            root_path=_root_path(environ),
            event_destinations=_names(environ, "FASTLAMBDA_EVENT_DESTINATIONS"),
            event_sources=_names(environ, "FASTLAMBDA_EVENT_SOURCES"),
            idempotency_table=environ.get("FASTLAMBDA_IDEMPOTENCY_TABLE", ""),
            idempotency_expires=_seconds(environ, "FASTLAMBDA_IDEMPOTENCY_EXPIRES", default=86_400),
            idempotency_disabled=_flag(environ, "POWERTOOLS_IDEMPOTENCY_DISABLED", default=False),
            startup_tuning=_flag(environ, "FASTLAMBDA_STARTUP_TUNING", default=True),
        )


@functools.cache
def current() -> Settings:
    """Return the settings of this process: the environment as it was when first asked for."""
    return Settings.from_environment()


def _refuse_unknown_names(environ: Mapping[str, str]) -> None:
    for name in sorted(environ):
        if name.startswith("FASTLAMBDA_") and name not in _OWN:
            near = nearest(name, _OWN, cutoff=0.8)
            raise SettingsError(
                f"Unknown environment variable {name}",
                why="names that start with FASTLAMBDA_ are the runtime's own",
                remedy=f"Did you mean {near}?" if near else f"It knows {', '.join(_OWN)}.",
            )


def nearest(name: str, names: Collection[str], cutoff: float = 0.6) -> str | None:
    """Return what somebody may have meant, as `difflib.get_close_matches` finds it."""
    import difflib  # noqa: PLC0415 - only for who has made a mistake

    return next(iter(difflib.get_close_matches(name, names, n=1, cutoff=cutoff)), None)


def _flag(environ: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = environ.get(name, "").lower()
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    if value == "" and name not in environ:
        return default
    raise SettingsError(f"{name} is {environ[name]!r}", why="it must be true or false", remedy="Correct or unset it.")


def _seconds(environ: Mapping[str, str], name: str, *, default: int) -> int:
    value = environ.get(name)
    if not value:
        return default
    if not re.fullmatch(r"[1-9][0-9]{0,8}", value):
        raise SettingsError(f"{name} is {value!r}", why="it must be a number of seconds", remedy="Correct or unset it.")
    return int(value)


def _log_level(environ: Mapping[str, str]) -> str | None:
    for name in ("POWERTOOLS_LOG_LEVEL", "LOG_LEVEL"):
        value = environ.get(name)
        if not value:
            continue
        if value.upper() in _LEVELS:
            return value.upper()
        near = nearest(value.upper(), _LEVELS)
        remedy = f"Did you mean {near}?" if near else "Correct or unset it."
        raise SettingsError(f"{name} is {value!r}", why=f"it must be one of {', '.join(_LEVELS)}", remedy=remedy)
    return None


def _root_path(environ: Mapping[str, str]) -> str:
    name = "FASTLAMBDA_ROOT_PATH"
    value = environ.get(name, "")
    if value and not _ROOT_PATH.fullmatch(value):
        raise SettingsError(
            f"{name} is {value!r}", why="it must be a path such as /shop or /shop/v1", remedy="Correct or unset it."
        )
    return value


def _names(environ: Mapping[str, str], name: str) -> Mapping[str, str]:
    value = environ.get(name)
    if not value:
        return {}
    try:
        names = json.loads(value)
    except ValueError:
        names = None
    if isinstance(names, dict) and all(isinstance(one, str) for one in names.values()):
        return names
    raise SettingsError(
        f"{name} is {value!r}",
        why="it must be a JSON object of names or ARNs by source or destination",
        remedy="Correct or unset it.",
    )


def _check_sample_rate(environ: Mapping[str, str]) -> None:
    name = "POWERTOOLS_LOGGER_SAMPLE_RATE"
    value = environ.get(name)
    if not value:
        return
    try:
        valid = 0 <= float(value) <= 1
    except ValueError:
        valid = False
    if not valid:
        raise SettingsError(
            f"{name} is {value!r}", why="it must be a number from 0 to 1", remedy="Correct or unset it."
        )
