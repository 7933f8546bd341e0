"""The errors of Lambda's Invoke, in the shape that SDKs turn into their typed exceptions.

Codes and statuses are those of the AWS Lambda API Reference, "Invoke", "Errors".
"""

from __future__ import annotations

from typing import Literal

from fastlambda_cli.local.model import RefusedError, ThrottledError


class InvokeError(RefusedError):
    """An answer other than a result.

    Args:
        status: The HTTP status.
        code: The exception's name in the API, for `x-amzn-ErrorType`.
        message: What the caller reads.
        fault: Who is at fault: "User" or "Service".
        reason: Why the function was throttled, for TooManyRequestsException.

    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        fault: Literal["User", "Service"] = "User",
        reason: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.body = {"Type": fault, "message": message}
        if reason is not None:
            self.body["Reason"] = reason


def not_found(arn: str) -> InvokeError:
    """No such function, version or alias."""
    return InvokeError(404, "ResourceNotFoundException", f"Function not found: {arn}")


def denied(message: str) -> InvokeError:
    """The caller may not invoke the function."""
    return InvokeError(403, "AccessDeniedException", message)


def unassumable_role() -> InvokeError:
    """The function's role is gone, or trusts Lambda no more; as it is seen, for the reference lists no such error."""
    message = "The role defined for the function cannot be assumed by Lambda."
    return InvokeError(403, "AccessDeniedException", message)


def too_large(size: int, invocation_type: str, limit: int) -> InvokeError:
    """The event is larger than Lambda takes."""
    return InvokeError(
        413,
        "RequestTooLargeException",
        f"{size} byte payload is too large for the {invocation_type} invocation type (limit {limit} bytes)",
    )


def bad_content(message: str) -> InvokeError:
    """The event or the client context is not JSON."""
    return InvokeError(400, "InvalidRequestContentException", message)


def invalid_name(name: str) -> InvokeError:
    """No function can be called that."""
    problem = f"Value '{name}' at 'functionName' failed to satisfy constraint"
    return InvokeError(400, "ValidationException", f"1 validation error detected: {problem}")


def bad_parameter(message: str) -> InvokeError:
    """A header or the function's name makes no sense."""
    return InvokeError(400, "InvalidParameterValueException", message)


def throttled(problem: ThrottledError) -> InvokeError:
    """Every execution environment that the function may have is busy."""
    return InvokeError(429, "TooManyRequestsException", str(problem), reason=problem.reason)


def unusable_code(message: str) -> InvokeError:
    """There is no code, or its zip cannot be unpacked."""
    return InvokeError(502, "InvalidZipFileException", message)


def missing_image(message: str) -> InvokeError:
    """The function's image was deleted, or is none that could be run."""
    return InvokeError(409, "ResourceConflictException", f"The operation cannot be performed at this time. {message}")


def unusable_runtime(message: str) -> InvokeError:
    """Nothing on this machine runs the function."""
    return InvokeError(502, "InvalidRuntimeException", message)


def service_failure(problem: Exception) -> InvokeError:
    """The local Lambda itself failed, not the function."""
    return InvokeError(500, "ServiceException", f"The local Lambda failed: {problem}", fault="Service")
