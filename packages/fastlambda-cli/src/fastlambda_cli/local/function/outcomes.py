"""What became of an event, as whoever invoked is told it and as the platform reports it."""

from __future__ import annotations

import math

from fastlambda_cli.local import failures
from fastlambda_cli.local.function.running import Running
from fastlambda_cli.local.function.spec import FunctionSpec
from fastlambda_cli.local.model import InvocationReported, InvokeResult, Status


def result_of(running: Running, spec: FunctionSpec, payload: bytes, *, failed: bool) -> InvokeResult:
    """What Invoke answers.

    Args:
        running: The event.
        spec: The version that ran.
        payload: The answer, or the error's record.
        failed: Whether it is that.

    """
    return InvokeResult(
        payload=payload,
        request_id=running.invocation.request_id,
        function_error="Unhandled" if failed else None,
        log_tail=running.tail,
        executed_version=spec.version,
        cold=running.cold,
    )


def report_of(
    running: Running, spec: FunctionSpec, environment: int, payload: bytes, status: Status, memory_mb: int
) -> InvocationReported:
    """What REPORT says.

    Args:
        running: The event, which is over.
        spec: The version that ran.
        environment: The number of the environment that it ran in.
        payload: The answer, or the error's record.
        status: How it ended.
        memory_mb: What the environment used at most.

    """
    duration_ms = running.elapsed_ms
    return InvocationReported(
        environment=environment,
        request_id=running.invocation.request_id,
        duration_ms=duration_ms,
        billed_ms=math.ceil(duration_ms + (running.init_ms or 0.0)),
        memory_size_mb=spec.memory_mb,
        max_memory_used_mb=memory_mb,
        status=status,
        init_duration_ms=running.init_ms,
        error_type=None if status is Status.SUCCESS else failures.error_type(payload),
        trace_id=running.trace.root,
        source=running.invocation.source,
        function=spec.name,
    )
